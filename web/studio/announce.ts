// For screen readers: one message when an answer begins and one when it ends, instead of every word.

import { h } from "./dom";
import { t } from "./i18n";
import { text_of } from "./tree";
import type { Message } from "./types";

const kReadOut = 400;
const region = h("div", { class: "offscreen", "aria-live": "polite", role: "log" });
let last = "";

export function live_region(): HTMLElement {
  return region;
}

export function announce(message: Message): void {
  if (message.role !== "assistant" || message.id === last) return;
  last = message.id;
  const text = text_of(message.content);
  if (message.finish === "error") say(t("failed", { error: message.stats?.error ?? "" }));
  else if (text.length <= kReadOut) say(t("answer_done", { text }));
  else say(t("answer_done_long", { words: text.split(/\s+/).length }));
}

export function say(text: string): void {
  region.replaceChildren(h("p", null, text));
}
