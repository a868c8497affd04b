// Files in a question, as chips. A document is a text part that begins with its citation mark, [name] or [name, page n].

import { h, icon } from "./dom";
import { t } from "./i18n";
import type { Part, TextPart } from "./types";

export function document_part(name: string, text: string): TextPart {
  return { type: "text", text: text.startsWith(`[${name}`) ? text : `[${name}]\n${text}` };
}

function name_of(part: TextPart): string {
  return /^\[(.+?)(?:, page \d+)?\]\n/.exec(part.text.slice(0, 300))?.[1] ?? part.text.slice(0, 40);
}

/** All parts but the last, which is the question. A click on a document shows what the model was given. */
export function file_chips(parts: Part[]): HTMLElement {
  const list = h("div", { class: "chips" });
  for (const part of parts.slice(0, -1)) {
    if (part.type === "text") {
      list.append(h("details", { class: "chip" }, h("summary", null, icon("file"), h("span", null, name_of(part))), h("pre", { tabindex: "0" }, part.text)));
    } else list.append(h("img", { class: "picture", src: part.image_url.url, alt: t("picture") }));
  }
  return list;
}
