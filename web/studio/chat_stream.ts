// POST /v1/chat/completions, streamed: server-sent events in OpenAI's form.

import { ApiError, request, with_json } from "./api";
import { t } from "./i18n";
import type { ChatMessage, Finish, Sampling } from "./types";

export interface ChatRequest extends Sampling {
  model: string;
  messages: ChatMessage[];
}

interface Chunk {
  error?: { message?: string };
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number; prompt_tokens_details?: { cached_tokens?: number } | null } | null;
  timings?: { prompt_n?: number; prompt_per_second?: number; predicted_n?: number; predicted_per_second?: number; cache_n?: number };
}

export interface Ending {
  finish: Exclude<Finish, null>;
  usage: NonNullable<Chunk["usage"]>;
  timings: NonNullable<Chunk["timings"]>;
}

/** Yields the data of each event; comments (keep-alive) and other fields are passed over. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split(/\r?\n/);
    rest = lines.pop()!;
    for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trimStart();
  }
}

/**
 * Streams one answer; `on_text` gets each piece. Throws ApiError where the server refuses, breaks off or reports an error
 * in mid-stream, and the abort's own error when `signal` ends it.
 */
export async function stream_chat(chat: ChatRequest, signal: AbortSignal, on_text: (piece: string) => void): Promise<Ending> {
  const response = await request("/v1/chat/completions", {
    ...with_json("POST", { ...chat, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.body || !response.headers.get("Content-Type")?.startsWith("text/event-stream")) throw new ApiError(t("not_json"), response.status);
  let finish: Ending["finish"] | null = null;
  let usage: Ending["usage"] = {};
  let timings: Ending["timings"] = {};
  let done = false;
  try {
    for await (const data of events(response.body)) {
      if (data === "[DONE]") {
        done = true;
        break;
      }
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error) throw new ApiError(chunk.error.message ?? t("not_json"), 500);
      const choice = chunk.choices?.[0];
      if (choice?.delta?.content) on_text(choice.delta.content);
      if (choice?.finish_reason) finish = choice.finish_reason === "length" ? "length" : "stop";
      if (chunk.usage) usage = chunk.usage;
      if (chunk.timings) timings = chunk.timings;
    }
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError(error instanceof SyntaxError ? t("not_json") : t("broke_off"), 0);
  }
  if (!done && finish === null) throw new ApiError(t("broke_off"), 0);
  return { finish: finish ?? "stop", usage, timings };
}
