// Answers that another window is writing: it tells their growth, at least every second while text comes.

import { emit } from "./bus";
import { hear, tell } from "./channel";
import { running, state } from "./state";
import type { Message } from "./types";

const kSilentMs = 20_000;
const kBeatMs = 5_000;
const heard = new Map<string, number>();

export function is_elsewhere(message: Message): boolean {
  return message.finish === null && (heard.get(message.id) ?? 0) > Date.now() - kSilentMs;
}

function take(message: Message): void {
  if (message.finish === null) {
    heard.set(message.id, Date.now());
    setTimeout(() => {
      const known = state.messages.get(message.id);
      if (known && !is_elsewhere(known)) emit("message", known);
    }, kSilentMs + 100);
  } else heard.delete(message.id);
  if (message.conversation !== state.id || running.has(message.id)) return;
  const known = state.messages.get(message.id);
  if (known) {
    Object.assign(known, message);
    emit("message", known);
  } else {
    state.messages.set(message.id, message);
    // Follows the other window only where this one shows the end of the same branch.
    if (state.head === message.parent) state.head = message.id;
    emit("thread");
  }
}

export function listen_to_windows(deleted: (id: string) => void, changed: (id: string) => void): void {
  setInterval(() => {
    for (const { message } of running.values()) tell({ kind: "message", message });
  }, kBeatMs);
  hear((news) => {
    if (news.kind === "message") take(news.message);
    else if (news.kind === "who") {
      const run = running.get(news.id);
      if (run) tell({ kind: "message", message: run.message });
    } else if (news.kind === "deleted") deleted(news.id);
    else changed(news.id);
    if (news.kind === "conversation" || news.kind === "deleted" || (news.kind === "message" && news.message.finish !== null)) emit("list");
  });
}
