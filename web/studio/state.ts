// What this window shows: one conversation, its messages, its settings.

import * as api from "./api";
import { emit } from "./bus";
import { tell } from "./channel";
import { new_id } from "./id";
import * as outbox from "./outbox";
import { read, write } from "./preferences";
import { leaf } from "./tree";
import type { Conversation, Info, Message, Settings } from "./types";

interface State {
  /** Whether the server has answered and the address's conversation is open. */
  ready: boolean;
  info: Info | null;
  /** Null: a new conversation, which the server does not know until something is asked. */
  id: string | null;
  title: string;
  head: string | null;
  settings: Settings;
  /** In order of creation. */
  messages: Map<string, Message>;
  /** In words, where the conversation could not be opened. */
  error: string | null;
}

export const state: State = { ready: false, info: null, id: null, title: "", head: null, settings: {}, messages: new Map(), error: null };

/** Answers that this window is writing, in whichever conversation. */
export const running = new Map<string, { message: Message; stop: () => void; started: number; pieces: number; first_piece: number | null }>();

export function model_of(settings: { model?: string }): string {
  const models = state.info?.models ?? [];
  const known = (id: string | null | undefined) => (models.some((model) => model.id === id) ? id : null);
  return known(settings.model) ?? known(read("model")) ?? models.find((model) => model.loaded)?.id ?? models[0]?.id ?? "";
}

export function show_new(): void {
  Object.assign(state, { id: null, title: "", head: null, settings: {}, messages: new Map(), error: null });
  emit("thread");
  emit("settings");
}

export async function open(id: string): Promise<void> {
  let conversation: Conversation;
  try {
    conversation = await api.conversation(id);
  } catch (error) {
    if (location.hash !== "#c/" + id) return;
    Object.assign(state, { id, title: "", head: null, settings: {}, messages: new Map(), error: (error as Error).message });
    emit("thread");
    return;
  }
  if (location.hash !== "#c/" + id) return;
  show(conversation);
}

function show(conversation: Conversation): void {
  const messages = new Map<string, Message>();
  for (const stored of conversation.messages) {
    const newer = outbox.waiting(stored.id) as Partial<Message> | null;
    messages.set(stored.id, running.get(stored.id)?.message ?? { ...stored, ...newer });
  }
  for (const { message } of running.values()) if (message.conversation === conversation.id) messages.set(message.id, message);
  const patch = outbox.waiting("patch." + conversation.id) as Partial<Conversation> | null;
  const { id, title, head, settings } = { ...conversation, ...patch };
  const newest = [...messages.keys()].at(-1) ?? null;
  Object.assign(state, { id, title, settings: settings ?? {}, messages, head: head && messages.has(head) ? head : newest, error: null });
  for (const message of messages.values()) if (message.role === "assistant" && message.finish === null) tell({ kind: "who", id: message.id });
  emit("thread");
  emit("settings");
}

/** Gives a new conversation its id and its place in the address. */
export function create(title: string): string {
  const id = new_id();
  Object.assign(state, { id, title });
  const settings = state.settings;
  outbox.put({ key: "new." + id, method: "POST", path: "/api/studio/conversations", body: () => ({ id, title, settings }), partial: false });
  history.pushState(null, "", "#c/" + id);
  return id;
}

export function save_message(message: Message, partial: boolean): void {
  const { id, conversation } = message;
  const body = () => {
    const { parent, role, content, model, finish, stats } = message;
    return { parent, role, content, model, finish, stats };
  };
  const sending = () => tell({ kind: "message", message });
  outbox.put({ key: id, method: "PUT", path: api.message_path(conversation, id), body, partial, sending });
}

/** Adds a message to the open conversation and makes it the head, as the server does. */
export function append(message: Message): void {
  state.messages.set(message.id, message);
  state.head = message.id;
  save_message(message, false);
  emit("thread");
  emit("list");
}

/** Changes title, settings or head of a conversation. */
export function patch(id: string, change: Partial<Pick<Conversation, "title" | "settings" | "head">>): void {
  const key = "patch." + id;
  const merged = { ...outbox.waiting(key), ...change };
  const sending = () => tell({ kind: "conversation", id });
  outbox.put({ key, method: "PATCH", path: api.conversation_path(id), body: () => merged, partial: false, sending });
  if (id === state.id) Object.assign(state, change);
}

export function change_settings(change: Partial<Settings>): void {
  const settings = { ...state.settings, ...change };
  for (const [name, value] of Object.entries(settings)) if (value === undefined) delete settings[name as keyof Settings];
  if (change.model) write("model", change.model);
  state.settings = settings;
  if (state.id) patch(state.id, { settings });
  emit("settings");
}

/** Shows the branch that a message is on. */
export function switch_to(id: string): void {
  const head = leaf(state.messages, id);
  if (state.id) patch(state.id, { head });
  emit("thread");
}
