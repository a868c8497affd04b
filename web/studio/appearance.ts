// Light, dark or as the system says.

import { read, write } from "./preferences";

export type Theme = "auto" | "light" | "dark";

export function theme(): Theme {
  const value = read("theme");
  return value === "light" || value === "dark" ? value : "auto";
}

export function next_theme(): Theme {
  const next: Theme = theme() === "auto" ? "light" : theme() === "light" ? "dark" : "auto";
  write("theme", next === "auto" ? null : next);
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  return next;
}
