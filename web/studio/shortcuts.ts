// Keys. Single letters work where nothing is being typed, and can be switched off.

import { a_dialog_is_open } from "./dialog";
import { stop_all } from "./generate";
import { single_keys } from "./keys";
import type { Thread } from "./thread";

export interface Actions {
  new_chat(): void;
  search(): void;
  compose(): void;
  sidebar(): void;
  settings(): void;
  help(): void;
  theme(): void;
  compare(): void;
  /** Closes what lies over the conversation; false if nothing did. */
  close(): boolean;
}

export function listen_to_keys(actions: Actions, thread: Thread): void {
  const press = (selector: string) => {
    const found = [...document.querySelectorAll<HTMLButtonElement>(selector)].filter((button) => !button.disabled && button.offsetParent !== null);
    found.at(-1)?.click();
  };
  const step = (by: number) => {
    const all = thread.views().map((view) => view.element);
    const at = all.findIndex((element) => element.contains(document.activeElement));
    const next = all[at < 0 ? all.length - 1 : at + by];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  };
  const keys: Record<string, () => void> = {
    n: actions.new_chat,
    "/": actions.search,
    c: actions.compose,
    b: actions.sidebar,
    s: actions.settings,
    "?": actions.help,
    t: actions.theme,
    p: actions.compare,
    e: () => press("[data-do=edit]"),
    r: () => press("[data-do=retry]"),
    y: () => press(".answer [data-do=copy]"),
    "[": () => press("[data-branch='-1']"),
    "]": () => press("[data-branch='1']"),
    j: () => step(1),
    k: () => step(-1),
    "1": () => void thread.pair()?.vote(0),
    "2": () => void thread.pair()?.vote(1),
  };
  document.onkeydown = (event) => {
    if (event.defaultPrevented || event.isComposing || a_dialog_is_open()) return;
    if (event.key === "Escape") {
      if (!actions.close()) stop_all();
      return;
    }
    const target = event.target as HTMLElement;
    const typing = target.matches("input:not([type=checkbox]), textarea, select") || target.isContentEditable;
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !single_keys()) return;
    const action = keys[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  };
}
