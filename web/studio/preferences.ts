// The person's choices for this browser. localStorage may be full or forbidden; then they last until the page is closed.

const memory = new Map<string, string>();

export function read(key: string): string | null {
  try {
    return localStorage.getItem("orrery." + key) ?? memory.get(key) ?? null;
  } catch {
    return memory.get(key) ?? null;
  }
}

/** Returns whether it will outlive the page. */
export function write(key: string, value: string | null): boolean {
  if (value === null) memory.delete(key);
  else memory.set(key, value);
  try {
    if (value === null) localStorage.removeItem("orrery." + key);
    else localStorage.setItem("orrery." + key, value);
    return true;
  } catch {
    return false;
  }
}

/** Stored keys that begin so, without the studio's own prefix. */
export function keys(prefix: string): string[] {
  const found = new Set([...memory.keys()].filter((key) => key.startsWith(prefix)));
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const key = localStorage.key(i)!;
      if (key.startsWith("orrery." + prefix)) found.add(key.slice("orrery.".length));
    }
  } catch {
    // Forbidden: what memory holds is all there is.
  }
  return [...found];
}
