// POST /v1/chat/completions, streamed as the server streams it.

import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "./refusal.mjs";

const kFields = new Set("model messages stream stream_options temperature top_p top_k min_p repeat_penalty max_tokens seed stop".split(" "));
const failed_once = new Set();
const held = new Set();

/** Cuts off the answers that "break …" has begun. Not by the clock: a page that is busy until then has read nothing yet, and Chromium drops what waits. */
export function break_off() {
  for (const response of held) response.destroy();
  held.clear();
}

const text_of = (content) => (typeof content === "string" ? content : content.map((part) => part.text ?? "[picture]").join(" "));

/** What is answered: pieces, and how long to wait between them. */
function plan(request, pace) {
  const question = text_of(request.messages.at(-1).content);
  const said = request.messages.filter((message) => message.role !== "system").length;
  const system = request.messages.find((message) => message.role === "system")?.content;
  const pieces = (text) => text.match(/\s*\S{1,12}|\s+/g) ?? [];
  const words = (n) => Array.from({ length: n }, (_, index) => `word${index} `);
  let match;
  if ((match = /^error (\d{3})/.exec(question))) throw new Refusal(Number(match[1]), `asked to fail with ${match[1]}`, match[1] === "429" ? { "Retry-After": "7" } : {});
  if (question.startsWith("fail once")) {
    if (!failed_once.has(question)) {
      failed_once.add(question);
      throw new Refusal(503, "the model is still loading");
    }
    return { pieces: pieces("Here I am."), pace };
  }
  if (question.startsWith("break")) return { pieces: words(20), pace, break_at: 10 };
  if (question.startsWith("say:")) return { pieces: pieces(question.slice(4)), pace };
  if (question.startsWith("slow")) return { pieces: words(200), pace: 80 };
  if ((match = /^words (\d+)/.exec(question))) return { pieces: words(Number(match[1])), pace };
  const loud = request.model === "echo-loud" ? question.toUpperCase() : question;
  return { pieces: pieces(`You said: ${loud}${system ? ` (as told: ${system})` : ""} (message ${said})`), pace };
}

export async function chat(request, incoming, response, pace) {
  for (const name of Object.keys(request)) if (!kFields.has(name)) throw new Refusal(400, `unknown field ${name}`);
  if (!Array.isArray(request.messages) || !request.messages.length) throw new Refusal(400, "messages must not be empty");
  const answer = plan(request, pace);
  const limit = request.max_tokens ?? Infinity;
  const chunk = (more) => response.write("data: " + JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", model: request.model, ...more }) + "\n\n");
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.write(": keep-alive\n\n");
  const prompt = request.messages.map((message) => text_of(message.content)).join(" ").split(/\s+/).length;
  const start = performance.now();
  let sent = 0;
  for (const piece of answer.pieces) {
    if (response.destroyed || sent >= limit) break;
    if (sent === answer.break_at) return void held.add(response);
    chunk({ choices: [{ index: 0, delta: { content: piece }, finish_reason: null }] });
    sent++;
    if (answer.pace) await sleep(answer.pace);
  }
  chunk({ choices: [{ index: 0, delta: {}, finish_reason: sent < answer.pieces.length ? "length" : "stop" }] });
  const seconds = Math.max(0.001, (performance.now() - start) / 1000);
  chunk({
    choices: [],
    usage: { prompt_tokens: prompt, completion_tokens: sent, total_tokens: prompt + sent, prompt_tokens_details: { cached_tokens: 1 } },
    timings: { prompt_n: prompt, prompt_per_second: 900, predicted_n: sent, predicted_per_second: sent / seconds, cache_n: 1 },
  });
  response.end("data: [DONE]\n\n");
}
