import { h } from "./dom";
import { ask } from "./generate";
import { t } from "./i18n";
import { is_send_key } from "./keys";
import { question_of } from "./tree";
import type { Content, Message } from "./types";

/** A form in a question's place. Sending makes a new branch; the old one stays. */
export function edit_form(message: Message, close: () => void): HTMLFormElement {
  const area = h("textarea", { "aria-label": t("edit_question"), rows: "3" });
  area.value = question_of(message.content);
  const fit = () => {
    area.style.height = "auto";
    area.style.height = Math.min(area.scrollHeight + 2, innerHeight * 0.6) + "px";
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!area.value.trim()) return;
    ask(replaced(message.content, area.value), message.parent);
  };
  const onkeydown = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (is_send_key(event)) submit(event);
  };
  area.addEventListener("input", fit);
  requestAnimationFrame(fit);
  return h(
    "form",
    { class: "edit", onsubmit: submit, onkeydown },
    area,
    h("div", { class: "row end" }, h("button", { type: "button", onclick: close }, t("cancel")), h("button", { type: "submit", class: "primary" }, t("save_and_send"))),
  );
}

/** The same files with another question. */
function replaced(content: Content, text: string): Content {
  return typeof content === "string" ? text : [...content.slice(0, -1), { type: "text", text }];
}
