// The panel at the side: what can be set, and the keys.

import { h } from "../studio/dom";
import { number } from "../studio/i18n";
import { t, type Key } from "./i18n";
import type { Overlay } from "./photo";
import { kSides, kUps, type Side, type Up } from "./places";
import type { Info } from "./types";

/** What the panel does; main.ts does it. */
export interface Deeds {
  side(side: Side): void;
  up(up: Up): void;
  link(): string;
  screenshot(): void;
  background(colour: string): void;
  sh_degree(degree: number): void;
  size(factor: number): void;
  budget(count: number | null): Promise<void>;
  cameras(show: boolean): void;
  camera(index: number | null): void;
  overlay(overlay: Overlay): void;
  crop(on: boolean): void;
  crop_face(axis: 0 | 1 | 2, end: 0 | 1, value: number): void;
  measure(on: boolean): void;
}

/** What is set when the panel is made. */
export interface Shown {
  background: string;
  up: Up;
  sh_degree: number;
  size: number;
  budget: number | null;
  box: { min: number[]; max: number[] };
}

export interface Panel {
  element: HTMLElement;
  /** Show what has changed elsewhere: by a key, by a click. */
  set_camera(index: number | null): void;
  set_cameras(show: boolean): void;
  set_overlay(overlay: Overlay): void;
  set_crop(on: boolean, argument: string): void;
  set_measure(on: boolean, note: string): void;
  show_keys(): void;
}

/** The budgets that a scene of that size can choose from; the last one is all. */
export function budgets(count: number): (number | null)[] {
  return [...[10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000].filter((budget) => budget < count), null];
}

const kKeys: [string, Key][] = [
  ["W A S D Q E", "key_move"],
  ["Shift", "key_faster"],
  ["← → ↑ ↓", "key_turn"],
  ["O", "key_mode"],
  ["R", "key_reset"],
  ["1 … 6", "key_views"],
  ["C [ ]", "key_cameras"],
  ["P", "key_photo"],
  ["X", "key_crop"],
  ["M", "key_measure"],
  ["I", "key_screenshot"],
  ["B", "key_panel"],
  ["T", "key_theme"],
  ["?", "key_help"],
  ["Esc", "key_escape"],
];

function section(title: Key, ...content: (HTMLElement | false | null)[]): HTMLElement {
  return h("section", null, h("h2", null, t(title)), ...content);
}

function check(label: Key, change: (on: boolean) => void): { element: HTMLElement; input: HTMLInputElement } {
  const input = h("input", { type: "checkbox", onchange: () => change(input.checked) });
  return { element: h("label", { class: "check" }, input, t(label)), input };
}

function slider(label: Key, least: number, most: number, step: number, value: number, text: (value: number) => string, change: (value: number) => void): HTMLElement {
  const shown = h("span", { "aria-hidden": "true" }, text(value));
  const input = h("input", { type: "range", min: least, max: most, step, value, "aria-valuetext": text(value) });
  input.addEventListener("input", () => {
    shown.textContent = text(input.valueAsNumber);
    input.setAttribute("aria-valuetext", shown.textContent);
    change(input.valueAsNumber);
  });
  return h("label", { class: "field" }, h("span", { class: "row" }, t(label), h("span", { class: "space" }), shown), input);
}

function choice<T extends string>(label: Key, options: [T, string][], value: T, change: (value: T) => void): { element: HTMLElement; select: HTMLSelectElement } {
  const select = h("select", { onchange: () => change(select.value as T) }, ...options.map(([name, text]) => h("option", { value: name, selected: name === value }, text)));
  return { element: h("label", { class: "field" }, t(label), select), select };
}

/** Copies the text and says so on the button for a moment; where the clipboard is closed, it stays selected in `field`. */
function copy_button(label: Key, text: () => string, field?: HTMLInputElement): HTMLElement {
  const button = h("button", { type: "button", class: "small" }, t(label));
  button.addEventListener("click", async () => {
    field?.select();
    await navigator.clipboard.writeText(text());
    button.textContent = t("copied");
    setTimeout(() => (button.textContent = t(label)), 1500);
  });
  return button;
}

function view_section(info: Info, shown: Shown, deeds: Deeds): HTMLElement {
  const sides = h("div", { class: "sides" }, ...kSides.map((side) => h("button", { type: "button", class: "small", onclick: () => deeds.side(side) }, t(side))));
  const ups: [Up, string][] = Object.keys(kUps).map((up) => [up as Up, up.toUpperCase().replace("-", "−")]);
  if (info.cameras.length > 0) ups.unshift(["cameras", t("up_cameras")]);
  const screenshot = h("button", { type: "button", class: "small", onclick: deeds.screenshot }, t("screenshot"));
  return section("view", sides, choice("up", ups, shown.up, deeds.up).element, h("div", { class: "row" }, screenshot, copy_button("copy_link", deeds.link)));
}

function look_section(info: Info, shown: Shown, deeds: Deeds): HTMLElement {
  const colour = h("input", { type: "color", value: shown.background });
  colour.addEventListener("input", () => deeds.background(colour.value));
  const counts = budgets(info.count);
  const budget_text = (index: number) => (counts[index] == null ? t("all") : number(counts[index]!));
  return section(
    "look",
    h("label", { class: "row" }, t("background"), h("span", { class: "space" }), colour),
    info.sh_degree > 0 && slider("sh_degree", 0, info.sh_degree, 1, shown.sh_degree, String, deeds.sh_degree),
    slider("size", 0.05, 2, 0.05, shown.size, (factor) => number(100 * factor) + " %", deeds.size),
    counts.length > 1 && slider("budget", 0, counts.length - 1, 1, counts.indexOf(shown.budget), budget_text, (index) => void deeds.budget(counts[index]!)),
  );
}

export function panel(info: Info, shown: Shown, deeds: Deeds): Panel {
  const cameras = check("show_cameras", deeds.cameras);
  const none: [string, string] = ["", t("no_camera")];
  const camera = choice("camera", [none, ...info.cameras.map(({ name }, i): [string, string] => [String(i), name])], "", (index) => deeds.camera(index === "" ? null : Number(index)));
  const step = (by: number) => {
    const from = camera.select.value === "" ? (by > 0 ? -1 : 0) : Number(camera.select.value);
    deeds.camera((from + by + info.cameras.length) % info.cameras.length);
  };
  const overlay = choice<Overlay>("over", [["off", t("over_off")], ["photo", t("over_photo")], ["difference", t("over_difference")]], "off", deeds.overlay); // prettier-ignore

  const crop = check("show_crop", deeds.crop);
  const argument = h("input", { class: "argument", readonly: true, "aria-label": t("crop_argument") });
  const face = (axis: 0 | 1 | 2, end: 0 | 1) => {
    const input = h("input", { type: "number", step: "any", value: Number((end === 0 ? shown.box.min : shown.box.max)[axis]!.toPrecision(6)) });
    input.addEventListener("input", () => Number.isFinite(input.valueAsNumber) && deeds.crop_face(axis, end, input.valueAsNumber));
    return h("label", { class: "field" }, t(end === 0 ? "low" : "high", { axis: "xyz"[axis]! }), input);
  };
  const faces = h("div", { class: "numbers-grid" }, ...([0, 1, 2] as const).flatMap((axis) => [face(axis, 0), face(axis, 1)]));

  const measure = check("measure_on", deeds.measure);
  const measured = h("p", { class: "note", role: "status" });
  const keys = h("details", null, h("summary", null, t("keys")), h("table", { class: "help" }, h("tbody", null, ...kKeys.map(([names, what]) => h("tr", null, h("td", null, ...names.split(" ").map((name) => h("kbd", null, name))), h("td", null, t(what)))))), h("p", { class: "note" }, t("pointer_note")));

  const element = h(
    "aside",
    { id: "panel", "aria-label": t("settings") },
    view_section(info, shown, deeds),
    look_section(info, shown, deeds),
    info.cameras.length > 0 &&
      section(
        "cameras",
        cameras.element,
        camera.element,
        h("div", { class: "row" }, h("button", { type: "button", class: "small", onclick: () => step(-1) }, t("previous")), h("button", { type: "button", class: "small", onclick: () => step(1) }, t("next"))),
        info.cameras.some(({ photo }) => photo) && overlay.element,
        info.cameras.some(({ photo }) => photo) && h("p", { class: "note" }, t("difference_note")),
      ),
    section("crop", crop.element, faces, h("label", { class: "field" }, t("crop_argument"), h("span", { class: "row" }, argument, copy_button("copy", () => argument.value, argument)))),
    section("measure", measure.element, measured),
    keys,
  );
  return {
    element,
    set_camera: (index) => (camera.select.value = index === null ? "" : String(index)),
    set_cameras: (show) => (cameras.input.checked = show),
    set_overlay: (name) => (overlay.select.value = name),
    set_crop: (on, text) => {
      crop.input.checked = on;
      argument.value = text;
    },
    set_measure: (on, note) => {
      measure.input.checked = on;
      measured.textContent = note;
    },
    show_keys: () => {
      keys.open = true;
      keys.scrollIntoView({ block: "nearest" });
    },
  };
}
