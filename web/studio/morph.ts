/**
 * Makes `target`'s children equal to `source`'s and keeps every node that need not change, so that a growing answer neither
 * flickers nor loses the reader's selection. Takes nodes out of `source`.
 */
export function morph(target: Node, source: Node): void {
  let old = target.firstChild;
  for (let wanted = source.firstChild; wanted; ) {
    const next = wanted.nextSibling;
    if (!old) target.appendChild(wanted);
    else {
      const after: ChildNode | null = old.nextSibling;
      if (old instanceof Text && wanted instanceof Text) grow(old, wanted.data);
      else if (!same_kind(old, wanted)) target.replaceChild(wanted, old);
      else if (!old.isEqualNode(wanted)) {
        attributes(old as Element, wanted as Element);
        morph(old, wanted);
      }
      old = after;
    }
    wanted = next;
  }
  while (old) {
    const after: ChildNode | null = old.nextSibling;
    old.remove();
    old = after;
  }
}

function grow(old: Text, wanted: string): void {
  if (old.data === wanted) return;
  if (wanted.startsWith(old.data)) old.appendData(wanted.slice(old.length));
  else old.data = wanted;
}

function same_kind(a: Node, b: Node): boolean {
  // A rendered formula is replaced whole.
  return a instanceof Element && b instanceof Element && a.nodeName === b.nodeName && !a.hasAttribute("data-math") && !b.hasAttribute("data-math");
}

function attributes(old: Element, wanted: Element): void {
  for (const { name } of [...old.attributes]) if (!wanted.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of wanted.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}
