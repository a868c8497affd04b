// Built into a file of its own, /studio/math.js: most conversations have no formula.

import katex, { type TreeNode } from "katex";

const kOptions = { throwOnError: true, trust: false, strict: "ignore", maxSize: 20, maxExpand: 200 };

/** MathML's style attributes, which the page's policy forbids; the HTML beside it sets its styles through the DOM, which is allowed. */
function without_styles(node: TreeNode): void {
  if (node.attributes) delete node.attributes.style;
  node.children?.forEach(without_styles);
}

/** A formula as an element; one that cannot be set is shown as it was written. */
export function render(tex: string, display: boolean): HTMLElement {
  try {
    const tree = katex.__renderToDomTree(tex, { ...kOptions, displayMode: display });
    without_styles(tree);
    return tree.toNode();
  } catch (error) {
    const element = document.createElement("code");
    element.textContent = tex;
    element.title = error instanceof Error ? error.message : "";
    return element;
  }
}
