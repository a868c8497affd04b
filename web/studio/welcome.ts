// What a new conversation shows: an orrery, slowly turning.

import { h } from "./dom";
import { t } from "./i18n";
import { state } from "./state";

function circle(radius: number, x: number, y: number, kind: string): SVGCircleElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "circle");
  for (const [name, value] of Object.entries({ r: radius, cx: x, cy: y, class: kind })) made.setAttribute(name, String(value));
  return made;
}

export function orrery_mark(): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "-50 -50 100 100");
  svg.setAttribute("class", "orrery");
  svg.setAttribute("aria-hidden", "true");
  svg.append(circle(7, 0, 0, "sun"));
  [17, 29, 43].forEach((radius, index) => {
    const angle = [0.7, 3.6, 5.1][index]!;
    const arm = document.createElementNS("http://www.w3.org/2000/svg", "g");
    arm.setAttribute("class", `arm arm-${index}`);
    arm.append(circle([2.4, 3.4, 2.8][index]!, radius * Math.cos(angle), radius * Math.sin(angle), "planet"));
    svg.append(circle(radius, 0, 0, "orbit"), arm);
  });
  return svg;
}

export function welcome(): HTMLElement {
  const models = state.info?.models ?? [];
  const note = state.info && !models.length ? t("no_models") : t("greeting_note");
  return h("div", { class: "welcome" }, orrery_mark(), h("h1", null, t("greeting")), h("p", null, note));
}
