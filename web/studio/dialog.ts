import { h, icon_button, type Child } from "./dom";
import { t } from "./i18n";

/** Opens a modal dialog; it is gone once it is closed. The browser keeps the focus inside and gives it back afterwards. */
export function open_dialog(title: string, kind: string, ...content: Child[]): HTMLDialogElement {
  const close = icon_button("close", t("close"), () => dialog.close());
  const dialog = h("dialog", { class: kind, "aria-label": title }, h("header", null, h("h2", null, title), close), ...content);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function a_dialog_is_open(): boolean {
  return document.querySelector("dialog[open]") !== null;
}
