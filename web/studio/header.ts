import * as api from "./api";
import { emit, on } from "./bus";
import { h, icon_button } from "./dom";
import { t } from "./i18n";
import { patch, state } from "./state";
import { toast } from "./toast";

/** The bar above the conversation: its title, which can be written over, and what concerns it as a whole. */
export function header_view(sidebar: () => void, settings: () => void): HTMLElement {
  const title = h("input", { class: "title", "aria-label": t("title"), maxlength: "200", spellcheck: "false" });
  const save = () => {
    const text = title.value.trim();
    if (state.id && text && text !== state.title) {
      patch(state.id, { title: text });
      emit("list");
    }
    show();
  };
  title.onblur = save;
  title.onkeydown = (event) => {
    if (event.key === "Escape") title.value = state.title;
    if ((event.key === "Enter" && !event.isComposing) || event.key === "Escape") {
      event.stopPropagation();
      title.blur();
    }
  };
  const save_file = () => state.id && api.download_conversation(state.id).catch((error: Error) => toast(t("export_failed", { error: error.message })));
  const download = icon_button("download", t("export"), () => void save_file());
  const show = () => {
    title.value = state.title;
    title.hidden = download.hidden = state.id === null || state.error !== null;
    document.title = state.title ? `${state.title} · ${t("app")}` : t("app");
  };
  on("thread", show);
  show();
  const menu = icon_button("menu", t("open_sidebar"), sidebar, { id: "menu", "aria-controls": "sidebar" });
  return h("header", { id: "bar" }, menu, title, h("span", { class: "space" }), download, icon_button("sliders", t("settings"), settings, { id: "open-settings" }));
}
