// Keys. Those that move the camera count while they are held; the others are single letters, where nothing is being typed.

import { single_keys } from "../studio/keys";
import type { Controls } from "./controls";

/** `actions`: by the key that it has, in lower case. */
export function listen_to_keys(controls: Controls, actions: Record<string, () => void>): void {
  addEventListener("keydown", (event) => {
    const target = event.target as HTMLElement;
    const own = target.matches("input:not([type=checkbox]), select, summary");
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || own) return;
    controls.faster = event.shiftKey;
    const action = event.key === "Escape" || single_keys() ? actions[event.key.toLowerCase()] : undefined;
    if (action) action();
    else if (!controls.press(event.code)) return;
    event.preventDefault();
  });
  addEventListener("keyup", (event) => {
    controls.faster = event.shiftKey;
    controls.release(event.code);
  });
}
