// Plain DOM, two helpers: h() makes an element, icon() a picture on a button.

export type Child = Node | string | null | undefined | false;
type Props = Record<string, unknown>;

/** An element with attributes (true: present, false or null: absent), listeners (`onclick`) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props?: Props | null,
  ...children: (Child | Child[])[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : String(value));
  }
  add(element, ...children);
  return element;
}

export function add(parent: Node, ...children: (Child | Child[])[]): void {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) parent.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
  }
}

const kPaths = {
  menu: "M3 6h14M3 10h14M3 14h9",
  plus: "M10 4v12M4 10h12",
  search: "M9 4a5 5 0 1 0 0 10A5 5 0 0 0 9 4M13 13l4 4",
  send: "M10 16V4M5 9l5-5 5 5",
  stop: "M6 6h8v8H6z",
  copy: "M7 7h9v9H7zM13 7V4H4v9h3",
  check: "M4 10.5l4 4 8-9",
  edit: "M4 16l1-4L13.5 3.5l3 3L8 15zM12 5l3 3",
  retry: "M16 10a6 6 0 1 1-2-4.5M16 3v3.5h-3.5",
  left: "M12 5l-5 5 5 5",
  right: "M8 5l5 5-5 5",
  down: "M10 4v12M5 11l5 5 5-5",
  sliders: "M3 6h8M15 6h2M3 14h2M9 14h8M13 4v4M7 12v4",
  trash: "M4 6h12M8 6V4h4v2M6 6l.6 10h6.8L14 6M8.5 9v4M11.5 9v4",
  close: "M5 5l10 10M15 5L5 15",
  file: "M6 3h5l4 4v10H6zM11 3v4h4",
  clip: "M15 9l-5.5 5.5a3 3 0 0 1-4.2-4.2L11 4.6a2 2 0 0 1 2.8 2.8L8.3 13a1 1 0 0 1-1.4-1.4L12 6.5",
  compare: "M4 4h5v12H4zM11 4h5v12h-5z",
  sun: "M10 7a3 3 0 1 0 0 6 3 3 0 0 0 0-6M10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.3l1.4 1.4M14.3 14.3l1.4 1.4M4.3 15.7l1.4-1.4M14.3 5.7l1.4-1.4",
  moon: "M16 12A6.5 6.5 0 0 1 8 4a6.5 6.5 0 1 0 8 8z",
  auto: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M10 3v14M12 5v10M14 7v6",
  globe: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M3 10h14M10 3c-4 4-4 10 0 14M10 3c4 4 4 10 0 14",
  download: "M10 3v9M6 8.5l4 4 4-4M4 16h12",
  help: "M10 2.8a7.2 7.2 0 1 0 0 14.4 7.2 7.2 0 0 0 0-14.4M7.8 8a2.2 2.2 0 1 1 3.2 2c-.7.4-1 .8-1 1.5M10 13.8v.2",
  orbit: "M10 7.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M3 12c2 2.5 12 2.5 14 0M3 8c2-2.5 12-2.5 14 0M14.5 13.8l2.5-1.8-.6-2.4",
  walk: "M10 3.2a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6M10 7.5v4.5M10 12l-2.5 5M10 12l2.5 5M6.5 10.5l3.5-2.5 3.5 2.5",
  home: "M3 10l7-6 7 6M5 8.5V16h10V8.5M8.5 16v-4h3v4",
  camera: "M3 6.5h3l1.2-2h5.6l1.2 2h3V16H3zM10 8.5a2.7 2.7 0 1 0 0 5.4 2.7 2.7 0 0 0 0-5.4",
  ruler: "M3 13L13 3l4 4L7 17zM6 10l1.6 1.6M8.5 7.5l1.6 1.6M11 5l1.6 1.6",
  scale: "M10 3v14M6 17h8M4 6h12M4 6l-2 5h4zM16 6l-2 5h4z",
} as const;

export type IconName = keyof typeof kPaths;

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", kPaths[name]);
  svg.appendChild(path);
  return svg;
}

/** A button that shows only a picture; its label is its name and its tooltip. */
export function icon_button(name: IconName, label: string, onclick: (event: MouseEvent) => void, props: Props = {}): HTMLButtonElement {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}
