import { h } from "./dom";
import { t } from "./i18n";

/** Takes files that are dropped anywhere on the page. */
export function accept_drops(add_files: (files: Iterable<File>) => void): HTMLElement {
  const veil = h("div", { class: "veil", hidden: true }, t("drop"));
  let depth = 0;
  const files = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  const move = (by: number) => (event: DragEvent) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = Math.max(0, depth + by);
    veil.hidden = depth === 0;
  };
  document.ondragenter = move(1);
  document.ondragleave = move(-1);
  document.ondragover = (event) => files(event) && event.preventDefault();
  document.ondrop = (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    add_files(event.dataTransfer!.files);
  };
  return veil;
}
