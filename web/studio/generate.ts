// Questions and answers: builds the prompt, writes the answer as it arrives, stores both.

import { ApiError } from "./api";
import { emit } from "./bus";
import { stream_chat, type Ending } from "./chat_stream";
import { new_id } from "./id";
import { append, create, model_of, running, save_message, state } from "./state";
import { path_to, question_of, text_of } from "./tree";
import type { ChatMessage, Content, Message, Sampling, Stats, Variant } from "./types";

const kTitle = 60;

function new_message(parent: string | null, role: Message["role"], content: Content): Message {
  return { id: new_id(), conversation: state.id!, parent, role, content, model: null, finish: role === "user" ? "stop" : null, stats: null, created_at: Date.now() };
}

/** Pictures need parts; everything else is one text, which every chat template takes. */
function for_model(content: Content): Content {
  return typeof content !== "string" && content.some((part) => part.type === "image_url") ? content.filter((part) => part.type !== "text" || part.text) : text_of(content);
}

/** The branch that ends in `parent`, as the model is given it. Empty answers are left out; questions in a row become one. */
export function prompt_for(parent: string | null, system: string | undefined): ChatMessage[] {
  const prompt: ChatMessage[] = system?.trim() ? [{ role: "system", content: system }] : [];
  for (const message of path_to(state.messages, parent)) {
    const content = for_model(message.content);
    if (content.length === 0) continue;
    const last = prompt.at(-1);
    if (last?.role === message.role && typeof last.content === "string" && typeof content === "string") last.content += "\n\n" + content;
    else prompt.push({ role: message.role, content });
  }
  return prompt;
}

function sampling_of(variant: Variant): Sampling {
  const { temperature, top_p, top_k, min_p, repeat_penalty, max_tokens, seed, stop } = variant;
  return { temperature, top_p, top_k, min_p, repeat_penalty, max_tokens, seed, stop };
}

/** The setup of the left answer (or of the only one), and of the right one while two are compared. */
export function variants(): Variant[] {
  const { compare, ...left } = state.settings;
  return compare ? [left, compare] : [left];
}

/** Asks after `parent`: one answer, or two side by side. */
export function ask(content: Content, parent: string | null): void {
  if (!state.id) {
    const title = (question_of(content).trim() || text_of(content)).split("\n", 1)[0]!.trim();
    create(title.length > kTitle ? title.slice(0, kTitle - 1).trimEnd() + "…" : title);
  }
  const question = new_message(parent, "user", content);
  append(question);
  answer_all(question.id);
}

export function answer_all(parent: string): void {
  const wanted = variants();
  const pair = wanted.length > 1 ? new_id() : undefined;
  for (const variant of wanted) void answer(parent, variant, pair);
}

/** One more answer after the same question, with the setup that the conversation now has. */
export function retry(message: Message): void {
  const [left] = variants();
  void answer(message.parent!, left!, undefined);
}

async function answer(parent: string, variant: Variant, pair: string | undefined): Promise<void> {
  const message = new_message(parent, "assistant", "");
  message.model = model_of(variant);
  message.stats = { ...(pair && { pair, variant }) };
  const controller = new AbortController();
  const run = { message, stop: () => controller.abort(), started: performance.now(), pieces: 0, first_piece: null as number | null };
  running.set(message.id, run);
  const messages = prompt_for(parent, variant.system);
  append(message);
  try {
    const ending = await stream_chat({ model: message.model, messages, ...sampling_of(variant) }, controller.signal, (piece) => {
      run.first_piece ??= performance.now();
      run.pieces++;
      message.content += piece;
      emit("message", message);
      save_message(message, true);
    });
    message.finish = ending.finish;
    Object.assign(message.stats, stats_of(ending, run));
  } catch (error) {
    const stopped = controller.signal.aborted;
    message.finish = stopped ? "cancelled" : "error";
    if (!stopped) message.stats.error = error instanceof ApiError ? error.message : String(error);
    if (run.pieces) Object.assign(message.stats, stats_of(null, run));
  }
  running.delete(message.id);
  save_message(message, false);
  emit("message", message);
  emit("list");
}

function stats_of(ending: Ending | null, run: { started: number; pieces: number; first_piece: number | null }): Stats {
  const now = performance.now();
  const seconds = (now - run.started) / 1000;
  const first = run.first_piece === null ? undefined : (run.first_piece - run.started) / 1000;
  const writing = run.first_piece === null ? 0 : (now - run.first_piece) / 1000;
  const stats: Stats = {
    seconds,
    first_token_seconds: first,
    completion_tokens: ending?.usage.completion_tokens ?? ending?.timings.predicted_n ?? (ending ? undefined : run.pieces),
    tokens_per_second: ending?.timings.predicted_per_second ?? (writing > 0.05 ? run.pieces / writing : undefined),
    prompt_tokens: ending?.usage.prompt_tokens,
    prompt_per_second: ending?.timings.prompt_per_second,
    cached_tokens: ending?.timings.cache_n ?? ending?.usage.prompt_tokens_details?.cached_tokens,
  };
  return stats;
}

export function stop_all(): boolean {
  const mine = [...running.values()].filter((run) => run.message.conversation === state.id);
  for (const run of mine) run.stop();
  return mine.length > 0;
}

export function is_running(): boolean {
  return [...running.values()].some((run) => run.message.conversation === state.id);
}
