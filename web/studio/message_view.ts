// One message: a question with its files, or an answer with its state, its numbers and what can be done with it.

import { copy_from } from "./clipboard";
import { h, icon, icon_button } from "./dom";
import { edit_form } from "./edit_form";
import { file_chips } from "./file_chips";
import { retry } from "./generate";
import { number, t } from "./i18n";
import { is_elsewhere } from "./elsewhere";
import { MarkdownView } from "./markdown_view";
import { running, state, switch_to } from "./state";
import { question_of, text_of, versions } from "./tree";
import type { Message, Stats } from "./types";

/** A question longer than this is folded. */
const kFoldLines = 14;
const kFoldLength = 1400;

export interface MessageView {
  readonly element: HTMLElement;
  readonly message: Message;
  update(): void;
  edit(): void;
}

export function view_of(message: Message, rendered: () => void): MessageView {
  return message.role === "assistant" ? new AnswerView(message, rendered) : new QuestionView(message);
}

function branches(message: Message): HTMLElement | null {
  const all = versions(state.messages, message);
  if (all.length < 2) return null;
  const at = all.findIndex((version) => version.includes(message));
  const step = (by: number) => () => switch_to(all[at + by]!.at(-1)!.id);
  return h(
    "span",
    { class: "branches", role: "group", "aria-label": t("branch", { n: at + 1, all: all.length }) },
    icon_button("left", t("previous_branch"), step(-1), { disabled: at === 0, "data-branch": "-1" }),
    h("span", { "aria-hidden": "true" }, `${at + 1}/${all.length}`),
    icon_button("right", t("next_branch"), step(1), { disabled: at === all.length - 1, "data-branch": "1" }),
  );
}

function copy_button(text: () => string): HTMLElement {
  const button = icon_button("copy", t("copy"), () => void copy_from(button, text()), { "data-do": "copy" });
  return button;
}

class QuestionView implements MessageView {
  readonly element: HTMLElement;
  private readonly body = h("div", { class: "question-text" });
  private readonly actions = h("div", { class: "actions" });
  private editing = false;

  constructor(readonly message: Message) {
    const { content } = message;
    const text = question_of(content);
    this.body.textContent = text;
    this.element = h("article", { class: "message question", "data-id": message.id, tabindex: "-1", "aria-label": t("you") });
    this.element.append(...(typeof content === "string" ? [] : [file_chips(content)]), this.body, this.actions);
    if (text.length > kFoldLength || text.split("\n", kFoldLines + 1).length > kFoldLines) this.fold();
    this.update();
  }

  private fold(): void {
    this.body.classList.add("folded");
    const toggle = h("button", { type: "button", class: "link", "aria-expanded": "false", onclick: () => flip() }, t("show_all"));
    const flip = () => {
      const folded = this.body.classList.toggle("folded");
      toggle.textContent = t(folded ? "show_all" : "show_less");
      toggle.setAttribute("aria-expanded", String(!folded));
    };
    this.body.after(toggle);
  }

  update(): void {
    const edit = icon_button("edit", t("edit"), () => this.edit(), { "data-do": "edit" });
    const branch = branches(this.message);
    this.actions.replaceChildren(...(branch ? [branch] : []), copy_button(() => question_of(this.message.content)), edit);
  }

  edit(): void {
    if (this.editing) return;
    this.editing = true;
    const form = edit_form(this.message, () => {
      this.editing = false;
      form.replaceWith(this.body);
      this.actions.hidden = false;
      this.actions.querySelector<HTMLElement>("[data-do=edit]")?.focus();
    });
    this.body.replaceWith(form);
    this.actions.hidden = true;
    form.querySelector("textarea")!.focus();
  }
}

class AnswerView implements MessageView {
  readonly element: HTMLElement;
  private readonly text: MarkdownView;
  private readonly status = h("div", { class: "status" });
  private readonly foot = h("div", { class: "foot" });
  private readonly numbers = h("span", { class: "numbers" });
  private foot_state = "";

  constructor(
    readonly message: Message,
    rendered: () => void,
  ) {
    this.text = new MarkdownView(rendered);
    const model = message.model ?? "";
    const head = h("div", { class: "answer-head" }, h("span", { class: "dot", "aria-hidden": "true" }), h("span", null, model));
    this.element = h("article", { class: "message answer", "data-id": message.id, tabindex: "-1", "aria-label": t("answer_by", { model }) });
    this.element.append(head, this.text.element, this.status, this.foot);
    this.update();
  }

  update(): void {
    const { message } = this;
    const run = running.get(message.id);
    const live = run !== undefined || is_elsewhere(message);
    this.element.classList.toggle("live", live);
    this.element.setAttribute("aria-busy", String(live));
    this.text.set(text_of(message.content), !live);
    this.show_status(live);
    // Rebuilt only when it would look different, so that focus on a button outlasts the stream's updates.
    const known = versions(state.messages, message).map((version) => version[0]!.id);
    const next = JSON.stringify([live, message.finish, message.stats, known]);
    if (next !== this.foot_state) this.foot.replaceChildren(h("div", { class: "actions" }, branches(message), live ? [] : this.actions()), this.numbers);
    this.numbers.textContent = run ? live_numbers(run) : numbers(message.stats ?? {});
    const first = message.stats?.first_token_seconds;
    this.numbers.title = first === undefined ? "" : t("first_token", { n: number(first, 2) });
    this.foot_state = next;
  }

  edit(): void {
    // Answers are not edited.
  }

  private show_status(live: boolean): void {
    const { finish, content, stats } = this.message;
    const empty = content.length === 0;
    this.status.className = "status";
    if (live) {
      const text = running.has(this.message.id) ? (empty ? t("waiting") : "") : t("writing_elsewhere");
      this.status.replaceChildren(...(text ? [h("span", { class: "pulse" }, text)] : []));
    } else if (finish === "error") {
      this.status.classList.add("error");
      this.status.replaceChildren(h("span", null, t(empty ? "failed" : "failed_midway", { error: stats?.error ?? "" })), this.retry_button());
    } else if (finish === null) {
      this.status.classList.add("error");
      this.status.replaceChildren(h("span", null, t("interrupted")), this.retry_button());
    } else if (finish === "cancelled" || finish === "length" || empty) {
      this.status.replaceChildren(h("span", null, t(finish === "stop" ? "empty_answer" : (finish as "cancelled" | "length"))));
    } else this.status.replaceChildren();
  }

  private retry_button(): HTMLElement {
    return h("button", { type: "button", class: "small", onclick: () => retry(this.message) }, icon("retry"), t("again"));
  }

  private actions(): Node[] {
    const again = icon_button("retry", t("retry"), () => retry(this.message), { "data-do": "retry" });
    return [copy_button(() => text_of(this.message.content)), again];
  }
}

function live_numbers(run: { pieces: number; first_piece: number | null }): string {
  if (run.first_piece === null) return "";
  const seconds = (performance.now() - run.first_piece) / 1000;
  const rate = seconds > 0.5 ? " · " + t("rate", { n: number(run.pieces / seconds, 1) }) : "";
  return tokens(run.pieces) + rate;
}

function tokens(n: number): string {
  return n === 1 ? t("tokens_one") : t("tokens", { n: number(n) });
}

function numbers(stats: Stats): string {
  const parts: string[] = [];
  if (stats.completion_tokens !== undefined) parts.push(tokens(stats.completion_tokens));
  if (stats.tokens_per_second) parts.push(t("rate", { n: number(stats.tokens_per_second, 1) }));
  if (stats.prompt_tokens !== undefined && stats.prompt_per_second) {
    parts.push(t("prompt_rate", { n: number(stats.prompt_tokens), rate: number(stats.prompt_per_second) }));
  }
  if (stats.cached_tokens) parts.push(t("cached", { n: number(stats.cached_tokens) }));
  if (stats.seconds !== undefined) parts.push(t("seconds", { n: number(stats.seconds, stats.seconds < 1 ? 2 : 1) }));
  return parts.join(" · ");
}
