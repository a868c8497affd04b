// Shows a growing answer. Blocks that can no longer change are laid down once; only the last block is rendered again. Each rendering
// is followed by a pause that grows with its cost, so that even one endless block takes a bounded share of the time.

import { done_blocks } from "./blocks";
import { h } from "./dom";
import { t } from "./i18n";
import { elements_of, markdown, type Token } from "./markdown";
import { show_math } from "./math_view";
import { morph } from "./morph";

/** Rendering takes at most about 1/kPause of the time. */
const kPause = 6;

export class MarkdownView {
  readonly element = h("div", { class: "prose" });
  private readonly settled = h("div", { class: "settled" });
  private readonly growing = h("div", { class: "growing" });
  private text = "";
  private done = 0;
  private final = false;
  private env: object = {};
  private scheduled = 0;
  private not_before = 0;
  /** The open code block at the end, into which text is appended without parsing. */
  private fence: { code: Text; fed: number } | null = null;

  constructor(private readonly rendered: () => void) {
    this.element.append(this.settled, this.growing);
  }

  /** `final`: nothing more comes; the whole is rendered once more, exactly as it will be after a reload. */
  set(text: string, final: boolean): void {
    if (text === this.text && final === this.final) return;
    if (!text.startsWith(this.text)) this.restart();
    this.text = text;
    this.final = final;
    if (final) {
      clearTimeout(this.scheduled);
      this.scheduled = 0;
      this.render();
    } else if (!this.scheduled) this.schedule();
  }

  private schedule(): void {
    const wait = this.final ? 0 : Math.max(0, this.not_before - performance.now());
    this.scheduled = setTimeout(() => {
      const draw = () => {
        if (!this.scheduled) return;
        this.scheduled = 0;
        this.render();
      };
      if (document.hidden) draw();
      else requestAnimationFrame(draw);
    }, wait);
  }

  private restart(): void {
    this.done = 0;
    this.env = {};
    this.fence = null;
    this.settled.replaceChildren();
    this.growing.replaceChildren();
  }

  private render(): void {
    const start = performance.now();
    if (this.final) this.render_all();
    else if (!this.feed_fence()) this.render_tail();
    this.not_before = performance.now() + kPause * (performance.now() - start);
    this.rendered();
  }

  private render_all(): void {
    this.fence = null;
    const env = {};
    const all = this.fragment(markdown.parse(this.text, env), env);
    this.settled.append(...this.growing.childNodes);
    morph(this.settled, all);
  }

  private render_tail(): void {
    const tail = this.text.slice(this.done);
    const tokens = markdown.parse(tail, this.env);
    const done = done_blocks(tail, tokens);
    if (done.tokens) {
      this.settled.append(this.fragment(tokens.splice(0, done.tokens), this.env));
      this.done += done.length;
      this.growing.replaceChildren();
    }
    morph(this.growing, this.fragment(tokens, this.env));
    this.open_fence(tokens.at(-1));
  }

  private open_fence(last: Token | undefined): void {
    this.fence = null;
    if (last?.type !== "fence" || last.level !== 0 || !last.map || !this.text.endsWith("\n")) return;
    const closed = last.map[1] - last.map[0] === last.content.split("\n").length + 1;
    const code = this.growing.querySelector(".code:last-child code")?.lastChild;
    if (!closed && code instanceof Text && code.data === last.content) this.fence = { code, fed: this.text.length };
  }

  /** Appends to an open code block; false where it may have ended, so that the tail must be parsed. */
  private feed_fence(): boolean {
    if (!this.fence) return false;
    const fresh = this.text.slice(this.fence.fed);
    if (/^[ \t]*(```|~~~)/m.test(fresh)) {
      this.fence = null;
      return false;
    }
    // A last line that may yet become the end of the block waits.
    const sure = fresh.replace(/(^|\n)[ \t]*[`~]*$/, "$1");
    this.fence.code.appendData(sure);
    this.fence.fed += sure.length;
    return true;
  }

  private fragment(tokens: Token[], env: object): DocumentFragment {
    const fragment = elements_of(tokens, env);
    show_math(fragment, () => this.again());
    for (const pre of fragment.querySelectorAll("pre")) frame_code(pre);
    return fragment;
  }

  /** KaTeX has come: what was laid down without it is laid down again. */
  private again(): void {
    this.restart();
    if (!this.scheduled) this.schedule();
  }
}

function frame_code(pre: HTMLPreElement): void {
  const language = pre.dataset.language ?? "";
  const frame = h("div", { class: "code" });
  pre.replaceWith(frame);
  pre.tabIndex = 0;
  const copy = h("button", { type: "button", class: "link", "data-action": "copy-code", "aria-label": t("copy_code") }, t("copy"));
  frame.append(h("div", { class: "code-head" }, h("span", null, language), copy), pre);
}
