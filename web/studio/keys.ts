import { read } from "./preferences";

export function enter_sends(): boolean {
  return read("enter") !== "newline";
}

export function single_keys(): boolean {
  return read("keys") !== "off";
}

/** Whether a key press sends. Enter that ends the composition of a Chinese word does not; on a touch keyboard Enter is a new line. */
export function is_send_key(event: KeyboardEvent): boolean {
  if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return false;
  if (event.ctrlKey || event.metaKey) return true;
  return enter_sends() && !event.shiftKey && !event.altKey && !matchMedia("(pointer: coarse)").matches;
}
