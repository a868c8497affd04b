// The server's calls. Every failure is an ApiError whose message can be shown as it is.

import { t } from "./i18n";
import type { Conversation, FileText, Info, Listed, Preference } from "./types";

export class ApiError extends Error {
  constructor(
    message: string,
    /** 0: no answer at all. */
    readonly status: number,
    readonly retry_after: number | null = null,
  ) {
    super(message);
  }
  /** Whether the same call may succeed later. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500 || this.status === 401;
  }
}

/** Asks the person for a key; `refused`: one was sent, and it was wrong. Null: they would not say. */
let ask_key: (refused: boolean) => Promise<string | null> = async () => null;
let asking: Promise<string | null> | null = null;
let memory_key = "";

export function on_key_needed(ask: typeof ask_key): void {
  ask_key = ask;
}

function key(): string {
  try {
    return sessionStorage.getItem("orrery.key") ?? memory_key;
  } catch {
    return memory_key;
  }
}

function keep_key(value: string): void {
  memory_key = value;
  try {
    sessionStorage.setItem("orrery.key", value);
  } catch {
    // Forbidden: the key lasts as long as the page.
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  if (key()) headers.set("Authorization", "Bearer " + key());
  try {
    return await fetch(path, { ...init, headers, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(t("unreachable"), 0);
  }
}

async function error_from(response: Response): Promise<ApiError> {
  const after = Number(response.headers.get("Retry-After")) || null;
  let message = t("status", { status: response.status });
  try {
    const body = (await response.json()) as { error?: { message?: string } };
    if (body.error?.message) message = body.error.message;
  } catch {
    // No JSON: the status is all there is to say.
  }
  if (after) message = t("retry_after", { error: message, s: after });
  return new ApiError(message, response.status, after);
}

/** A call that succeeded; asks for a key as often as the server wants another one. */
export async function request(path: string, init: RequestInit = {}, quiet = false): Promise<Response> {
  for (;;) {
    const sent = key();
    const response = await send(path, init);
    if (response.ok) return response;
    if (response.status !== 401 || quiet) throw await error_from(response);
    if (sent === key()) {
      asking ??= ask_key(sent !== "").finally(() => (asking = null));
      const given = await asking;
      if (given === null) throw new ApiError(t("refused_key"), 401);
      keep_key(given);
    }
  }
}

async function json<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await request(path, init);
  try {
    return (await response.json()) as T;
  } catch {
    throw new ApiError(t("not_json"), response.status);
  }
}

export function with_json(method: string, body: unknown): RequestInit {
  return { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
}

const root = "/api/studio";
export const conversation_path = (id: string) => `${root}/conversations/${encodeURIComponent(id)}`;
export const message_path = (conversation: string, id: string) => `${conversation_path(conversation)}/messages/${encodeURIComponent(id)}`;

export const info = () => json<Info>(`${root}/info`);

export function conversations(query: string, before: number | null, signal?: AbortSignal) {
  const search = new URLSearchParams({ limit: "50" });
  if (query) search.set("query", query);
  if (before !== null) search.set("before", String(before));
  return json<{ conversations: Listed[]; more: boolean }>(`${root}/conversations?${search}`, { signal });
}

export const conversation = (id: string) => json<Conversation>(conversation_path(id));
export const remove_conversation = (id: string, keepalive = false) =>
  request(conversation_path(id), { ...with_json("DELETE", {}), keepalive });

export const add_preference = (preference: object) => json<Preference>(`${root}/preferences`, with_json("POST", preference));
export const preferences = () => json<{ preferences: Preference[]; total: number; more: boolean }>(`${root}/preferences?limit=50`);
export const remove_preference = (id: string) => request(`${root}/preferences/${encodeURIComponent(id)}`, with_json("DELETE", {}));

export function read_file(file: File, signal: AbortSignal) {
  const headers = { "Content-Type": "application/octet-stream" };
  return json<FileText>(`${root}/files?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file, headers, signal });
}

/** Downloads with the key, which a plain link could not send. */
export async function download(path: string, name: string): Promise<void> {
  const blob = await (await request(path)).blob();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export const download_preferences = () => download(`${root}/preferences.jsonl`, "preferences.jsonl");
export const download_conversation = (id: string) => download(`${conversation_path(id)}/export`, `conversation-${id}.json`);
