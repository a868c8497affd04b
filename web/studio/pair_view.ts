// Two answers to one question, side by side, and the vote between them.

import * as api from "./api";
import { emit } from "./bus";
import { h } from "./dom";
import { prompt_for } from "./generate";
import { t } from "./i18n";
import { new_id } from "./id";
import { view_of, type MessageView } from "./message_view";
import { patch, running, save_message, state } from "./state";
import { toast } from "./toast";
import { children, text_of } from "./tree";
import type { Message } from "./types";

/** The two answers that were asked for together, if `message` is one of them. */
export function pair_of(message: Message): [Message, Message] | null {
  const id = message.stats?.pair;
  if (!id) return null;
  const [left, right] = children(state.messages, message.parent).filter((other) => other.stats?.pair === id);
  return left && right ? [left, right] : null;
}

export class PairView {
  readonly element: HTMLElement;
  readonly views: MessageView[];
  private readonly bar = h("div", { class: "vote", role: "group", "aria-label": t("vote_question") });
  private shown = "";
  /** The same at every try, so that a vote whose answer got lost is not stored twice. */
  private readonly preference = new_id();

  constructor(
    private readonly pair: [Message, Message],
    rendered: () => void,
  ) {
    this.views = pair.map((message) => view_of(message, rendered));
    const [left, right] = this.views.map((view) => view.element);
    this.element = h("section", { class: "pair" }, h("div", { class: "columns" }, left, right), this.bar);
    this.update();
  }

  shows(message: Message): boolean {
    return this.pair.includes(message);
  }

  update(): void {
    for (const view of this.views) {
      view.update();
      view.element.dataset.vote = view.message.stats?.vote ?? "";
    }
    const voted = this.pair.some((message) => message.stats?.vote);
    const ready = this.pair.every((message) => !running.has(message.id) && message.finish !== null && message.finish !== "error" && text_of(message.content));
    const next = voted ? "voted" : ready ? "ready" : "";
    if (next === this.shown) return;
    this.shown = next;
    if (next === "voted") this.bar.replaceChildren(h("span", null, t("vote_stored")));
    else if (next === "ready") {
      const button = (index: 0 | 1) =>
        h("button", { type: "button", "data-vote": String(index), onclick: () => void this.vote(index) }, t(index === 0 ? "vote_left" : "vote_right"));
      this.bar.replaceChildren(button(0), h("span", null, t("vote_question")), button(1));
    } else this.bar.replaceChildren();
  }

  /** Stores the preference, then goes on from the better answer. */
  async vote(better: 0 | 1): Promise<void> {
    if (this.shown !== "ready") return;
    const chosen = this.pair[better];
    const rejected = this.pair[1 - better as 0 | 1];
    const as_answer = (message: Message) => [{ role: "assistant", content: text_of(message.content) }];
    const preference = {
      id: this.preference,
      conversation: chosen.conversation,
      prompt: prompt_for(chosen.parent, chosen.stats?.variant?.system),
      chosen: as_answer(chosen),
      rejected: as_answer(rejected),
      chosen_model: chosen.model ?? "",
      rejected_model: rejected.model ?? "",
      settings: { chosen: chosen.stats?.variant ?? {}, rejected: rejected.stats?.variant ?? {} },
    };
    for (const button of this.bar.querySelectorAll("button")) button.disabled = true;
    try {
      await api.add_preference(preference);
    } catch (error) {
      if (!(error instanceof api.ApiError) || error.status !== 409) {
        toast(t("vote_failed", { error: (error as Error).message }));
        for (const button of this.bar.querySelectorAll("button")) button.disabled = false;
        return;
      }
    }
    chosen.stats = { ...chosen.stats, vote: "chosen" };
    rejected.stats = { ...rejected.stats, vote: "rejected" };
    save_message(chosen, false);
    save_message(rejected, false);
    patch(chosen.conversation, { head: chosen.id });
    emit("thread");
  }
}
