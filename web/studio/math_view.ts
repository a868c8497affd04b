// Formulas by KaTeX, which is fetched from the same server when the first formula comes.

type Render = (tex: string, display: boolean) => HTMLElement;

const kKept = 300;
const rendered = new Map<string, HTMLElement>();
let loading: Promise<{ render: Render }> | null = null;
let render: Render | null = null;

function load(): Promise<{ render: Render }> {
  loading ??= (async () => {
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = "/studio/math.css";
    document.head.append(style);
    const path = "/studio/math.js";
    const math = (await import(path)) as { render: Render };
    render = math.render;
    return math;
  })();
  return loading;
}

function formula(tex: string, display: boolean, how: Render): Node {
  const key = (display ? "d" : "i") + tex;
  let made = rendered.get(key);
  if (!made) {
    made = how(tex, display);
    if (rendered.size >= kKept) rendered.delete(rendered.keys().next().value!);
    rendered.set(key, made);
  }
  return made.cloneNode(true);
}

/** Replaces the TeX in a fragment by formulas, at once where KaTeX is there; `later` is called when it has come after all. */
export function show_math(fragment: DocumentFragment, later: () => void): void {
  const places = fragment.querySelectorAll<HTMLElement>("[data-math]");
  if (!places.length) return;
  if (!render) {
    load().then(later, () => (loading = null));
    return;
  }
  for (const place of places) {
    const tex = place.textContent ?? "";
    place.replaceChildren(formula(tex, place.dataset.math === "display", render));
  }
}
