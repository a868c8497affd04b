import { on } from "./bus";
import { h } from "./dom";
import { t } from "./i18n";
import * as outbox from "./outbox";

/** Stands at the top for as long as something is not stored at the server. */
export function outbox_banner(): HTMLElement {
  const text = h("span");
  const banner = h("div", { class: "banner", role: "alert", hidden: true }, text, h("button", { type: "button", onclick: () => outbox.try_now() }, t("try_now")));
  const show = () => {
    const trouble = outbox.trouble();
    banner.hidden = trouble === null;
    if (!trouble) return;
    const s = Math.max(0, Math.round((trouble.until - Date.now()) / 1000));
    text.textContent = t(trouble.durable ? "unsaved" : "unsaved_volatile", { n: trouble.count, error: trouble.error, s });
  };
  on("outbox", show);
  show();
  return banner;
}
