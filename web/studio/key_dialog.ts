import { open_dialog } from "./dialog";
import { h } from "./dom";
import { t } from "./i18n";

/** Asks for the server's key. Null: the dialog was closed without one. */
export function ask_for_key(refused: boolean): Promise<string | null> {
  return new Promise((resolve) => {
    const input = h("input", { type: "password", autocomplete: "off", required: true, "aria-label": t("key_label"), placeholder: t("key_label") });
    let given: string | null = null;
    const form = h(
      "form",
      { onsubmit: (event: Event) => (event.preventDefault(), (given = input.value.trim()), dialog.close()) },
      refused && h("p", { class: "status error", role: "alert" }, t("key_wrong")),
      h("p", null, t("key_note")),
      input,
      h("div", { class: "row end" }, h("button", { type: "submit", class: "primary" }, t("key_enter"))),
    );
    const dialog = open_dialog(t("key_title"), "key", form);
    dialog.addEventListener("close", () => resolve(given));
    input.focus();
  });
}
