// Short notices at the foot of the page, with at most one thing to do about them.

import { h, icon_button } from "./dom";
import { t } from "./i18n";

let shelf: HTMLElement | null = null;

export function toast_shelf(): HTMLElement {
  shelf = h("div", { class: "toasts", role: "status" });
  return shelf;
}

/** Shows a notice; `gone` is called once when it leaves without its action having been taken. */
export function toast(text: string, action?: { label: string; run: () => void }, gone?: () => void, ms = 7000): void {
  let ended = false;
  const end = (acted: boolean) => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    note.remove();
    if (!acted) gone?.();
  };
  const note = h(
    "div",
    { class: "toast" },
    h("span", null, text),
    action && h("button", { type: "button", class: "link", onclick: () => (action.run(), end(true)) }, action.label),
    icon_button("close", t("close"), () => end(false)),
  );
  const timer = setTimeout(() => end(false), ms);
  shelf?.append(note);
}
