// System prompt and sampling of the open conversation; of both answers while two are compared. An empty field leaves the choice
// to the server.

import { emit, on } from "./bus";
import { h, icon_button } from "./dom";
import { t, type Key } from "./i18n";
import { enter_sends, single_keys } from "./keys";
import { model_select } from "./model_select";
import { write } from "./preferences";
import { change_settings, model_of, state } from "./state";
import type { Sampling, Variant } from "./types";

type NumberField = Exclude<keyof Sampling, "stop">;
const kFields: { name: NumberField; min: number; max: number; step: number }[] = [
  { name: "temperature", min: 0, max: 2, step: 0.05 },
  { name: "top_p", min: 0, max: 1, step: 0.01 },
  { name: "top_k", min: 0, max: 1000, step: 1 },
  { name: "min_p", min: 0, max: 1, step: 0.01 },
  { name: "repeat_penalty", min: 0.5, max: 2, step: 0.01 },
  { name: "max_tokens", min: 1, max: 1_000_000, step: 1 },
  { name: "seed", min: 0, max: 2 ** 31 - 1, step: 1 },
];

export interface SettingsPanel {
  element: HTMLElement;
  toggle(open?: boolean): void;
}

export function settings_panel(closed: () => void): SettingsPanel {
  const body = h("div", { class: "panel-body" });
  const close = icon_button("close", t("close"), () => toggle(false));
  const element = h("aside", { id: "settings", "aria-label": t("settings"), hidden: true }, h("header", null, h("h2", null, t("settings_title")), close), body);
  let side: "left" | "right" = "left";
  let shown = "";

  const show = () => {
    if (element.hidden) return;
    if (!state.settings.compare) side = "left";
    // Rebuilt only for another conversation or side: a field that is being filled in keeps its focus.
    const next = [state.id, side, Boolean(state.settings.compare), state.info?.models.length].join();
    if (next === shown) return;
    shown = next;
    body.replaceChildren(...(state.settings.compare ? [sides()] : []), ...fields(), browser_fields());
  };
  const variant = (): Variant => (side === "right" ? (state.settings.compare ?? {}) : state.settings);
  const change = (values: Variant) => {
    if (side === "left") return change_settings(values);
    const compare = { ...state.settings.compare, ...values };
    for (const [name, value] of Object.entries(compare)) if (value === undefined) delete compare[name as keyof Variant];
    change_settings({ compare });
  };

  const sides = () => {
    const tab = (which: typeof side, label: Key) =>
      h("button", { type: "button", "aria-pressed": String(side === which), onclick: () => ((side = which), show()) }, t(label));
    return h("div", { class: "tabs", role: "group", "aria-label": t("setup_both") }, tab("left", "setup_a"), tab("right", "setup_b"));
  };

  const fields = () => {
    const now = variant();
    const system = h("textarea", { rows: "5", placeholder: t("system_hint") });
    system.value = now.system ?? "";
    system.oninput = () => change({ system: system.value || undefined });
    const stop = h("textarea", { rows: "2", placeholder: t("server_default") });
    stop.value = (now.stop ?? []).join("\n");
    stop.oninput = () => {
      const words = stop.value.split("\n").filter(Boolean);
      change({ stop: words.length ? words : undefined });
    };
    const reset = () => {
      const nothing = Object.fromEntries(kFields.map(({ name }) => [name, undefined]));
      change({ ...nothing, stop: undefined });
      shown = "";
      show();
    };
    return [
      h("label", { class: "field" }, h("span", null, t("model")), model_select(model_of(now), t("model"), (model) => change({ model }))),
      h("label", { class: "field" }, h("span", null, t("system")), system),
      h("h3", null, t("sampling")),
      h("div", { class: "numbers-grid" }, kFields.map((field) => number_field(field, now[field.name], (value) => change({ [field.name]: value })))),
      h("label", { class: "field" }, h("span", null, t("stop_words")), stop, h("small", null, t("stop_words_hint"))),
      h("button", { type: "button", class: "link", onclick: reset }, t("reset")),
    ];
  };

  const toggle = (open = element.hidden) => {
    if (open === !element.hidden) return;
    element.hidden = !open;
    shown = "";
    show();
    if (open) close.focus();
    else closed();
  };
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    toggle(false);
  });
  on("settings", show);
  on("thread", show);
  return { element, toggle };
}

function number_field(field: (typeof kFields)[number], value: number | undefined, change: (value: number | undefined) => void): HTMLElement {
  const { name, min, max, step } = field;
  const id = "setting-" + name;
  const input = h("input", { id, type: "number", min, max, step, inputmode: "decimal", placeholder: t("server_default"), "aria-describedby": id + "-hint" });
  input.value = value === undefined ? "" : String(value);
  const hint = h("small", { id: id + "-hint" }, t(`${name}_hint`));
  input.oninput = () => {
    const typed = input.value === "" ? undefined : Number(input.value);
    const wrong = input.validity.badInput || (typed !== undefined && (typed < min || typed > max));
    const broken = !wrong && step === 1 && typed !== undefined && !Number.isInteger(typed);
    input.setAttribute("aria-invalid", String(wrong || broken));
    hint.textContent = wrong ? t("out_of_range", { min, max }) : broken ? t("not_a_number") : t(`${name}_hint`);
    if (!wrong && !broken) change(typed);
  };
  return h("div", { class: "field" }, h("label", { for: id }, t(name)), input, hint);
}

function browser_fields(): HTMLElement {
  const box = (label: Key, checked: boolean, change: (checked: boolean) => void) => {
    const input = h("input", { type: "checkbox", checked });
    input.onchange = () => {
      change(input.checked);
      emit("settings");
    };
    return h("label", { class: "check" }, input, t(label));
  };
  return h(
    "section",
    null,
    h("h3", null, t("this_browser")),
    box("enter_sends", enter_sends(), (yes) => write("enter", yes ? null : "newline")),
    box("single_keys", single_keys(), (yes) => write("keys", yes ? null : "off")),
  );
}
