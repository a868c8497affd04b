// The branch that is shown: its messages in order, kept as they are where only others change.

import { on } from "./bus";
import { h, icon } from "./dom";
import { announce, say } from "./announce";
import { t } from "./i18n";
import { view_of, type MessageView } from "./message_view";
import { PairView, pair_of } from "./pair_view";
import { open, state } from "./state";
import { path_to } from "./tree";
import { welcome } from "./welcome";
import type { Message } from "./types";

/** So close to the end, the reader follows the stream. */
const kNear = 80;

export interface Thread {
  element: HTMLElement;
  views(): MessageView[];
  pair(): PairView | null;
}

export function thread_view(): Thread {
  const list = h("div", { class: "thread" });
  const down = h("button", { type: "button", class: "to-bottom", "aria-label": t("to_bottom"), title: t("to_bottom"), hidden: true }, icon("down"));
  const scroll = h("div", { class: "scroll" }, list);
  const element = h("main", { id: "thread", "aria-label": t("thread") }, scroll, down);
  let items = new Map<string, MessageView | PairView>();
  let shown: string | null | undefined;
  let following = true;
  let top = 0;

  const near_end = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < kNear;
  const to_end = () => (scroll.scrollTop = scroll.scrollHeight);
  const follow = () => {
    if (following) to_end();
    down.hidden = near_end();
  };
  scroll.addEventListener("scroll", () => {
    // Text that comes in between moves the end away; only the reader moves the page up.
    if (near_end()) following = true;
    else if (scroll.scrollTop < top) following = false;
    top = scroll.scrollTop;
    down.hidden = near_end();
  });
  new ResizeObserver(follow).observe(scroll);
  down.onclick = () => {
    following = true;
    follow();
  };

  const rebuild = () => {
    if (shown !== state.id) {
      items = new Map();
      following = true;
      shown = state.id;
    }
    const path = path_to(state.messages, state.head);
    const next = new Map<string, MessageView | PairView>();
    for (const message of path) {
      const pair = pair_of(message);
      const key = pair ? "pair " + pair.map(({ id }) => id).join(" ") : message.id;
      const view = items.get(key) ?? (pair ? new PairView(pair, follow) : view_of(message, follow));
      if (!next.has(key)) next.set(key, view);
    }
    const grown = [...next.keys()].some((key) => !items.has(key)) && path.at(-1)?.finish === null;
    items = next;
    place(list, state.error ? [problem(state.error)] : items.size ? [...items.values()].map((view) => view.element) : [welcome()]);
    for (const view of items.values()) view.update();
    document.body.classList.toggle("empty", items.size === 0 && !state.error);
    if (grown) {
      following = true;
      say(t("writing"));
    }
    requestAnimationFrame(follow);
  };

  const refresh = (message: Message) => {
    for (const view of items.values()) if (view instanceof PairView ? view.shows(message) : view.message === message) view.update();
    if (message.conversation === state.id && message.finish !== null) announce(message);
    requestAnimationFrame(follow);
  };

  on("thread", rebuild);
  on("message", refresh);
  rebuild();
  return {
    element,
    views: () => [...items.values()].flatMap((view) => (view instanceof PairView ? view.views : [view])),
    pair: () => {
      const last = [...items.values()].at(-1);
      return last instanceof PairView ? last : null;
    },
  };
}

/** Puts elements into an order, moving as few as possible: a moved element would lose its focus. */
function place(list: HTMLElement, wanted: HTMLElement[]): void {
  const keep = new Set(wanted);
  for (const child of [...list.children]) if (!keep.has(child as HTMLElement)) child.remove();
  wanted.forEach((element, index) => {
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
}

function problem(error: string): HTMLElement {
  const again = h("button", { type: "button", onclick: () => state.id && void open(state.id) }, t("again"));
  return h("div", { class: "status error", role: "alert" }, h("span", null, t("open_failed", { error })), again);
}
