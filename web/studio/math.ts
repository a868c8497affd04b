// Built into a file of its own, /studio/math.js: most conversations have no formula.

import katex from "katex";

/** A formula that cannot be set is shown as it was written. KaTeX writes styles through the DOM, which the page's policy allows. */
export function render(tex: string, display: boolean): HTMLElement {
  const element = document.createElement("span");
  katex.render(tex, element, { displayMode: display, throwOnError: false, trust: false, strict: "ignore", maxSize: 20, maxExpand: 200 });
  return element;
}
