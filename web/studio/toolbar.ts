import { next_theme, theme, type Theme } from "./appearance";
import { emit } from "./bus";
import { h, icon, type IconName } from "./dom";
import { open_help } from "./help";
import { language, set_language, t, type Key } from "./i18n";
import { open_votes } from "./votes";

const kThemes: Record<Theme, { icon: IconName; label: Key }> = {
  auto: { icon: "auto", label: "theme_auto" },
  light: { icon: "sun", label: "theme_light" },
  dark: { icon: "moon", label: "theme_dark" },
};

export interface Toolbar {
  element: HTMLElement;
  turn_theme(): void;
}

/** Votes, language, theme and keys, at the foot of the sidebar. */
export function toolbar(): Toolbar {
  const button = (name: IconName, text: string, label: string, onclick: () => void) =>
    h("button", { type: "button", class: "tool", title: label, "aria-label": label, onclick }, icon(name), text && h("span", null, text));
  const other = () => {
    set_language(language() === "en" ? "zh" : "en");
    emit("interface");
  };
  const turner = button("auto", "", "", () => turn_theme());
  const show_theme = () => {
    const { icon: name, label } = kThemes[theme()];
    turner.replaceChildren(icon(name));
    turner.title = t(label);
    turner.setAttribute("aria-label", t(label));
  };
  const turn_theme = () => {
    next_theme();
    show_theme();
  };
  show_theme();
  const switcher = button("globe", t("language"), t("language_hint"), other);
  switcher.lang = language() === "en" ? "zh" : "en";
  const element = h("div", { class: "toolbar" }, button("scale", t("votes"), t("votes_hint"), open_votes), switcher, h("span", { class: "space" }), turner, button("help", "", t("shortcuts"), open_help));
  return { element, turn_theme };
}
