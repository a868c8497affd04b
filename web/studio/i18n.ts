// One table per language; strings_en.ts says which strings there are.

import { en } from "./strings_en";
import { zh } from "./strings_zh";
import { read, write } from "./preferences";

export type Key = keyof typeof en;
export type Language = "en" | "zh";
const tables: Record<Language, Record<Key, string>> = { en, zh };

export function language(): Language {
  const chosen = read("language");
  if (chosen === "en" || chosen === "zh") return chosen;
  const first = navigator.languages.find((tag) => /^(en|zh)\b/i.test(tag)) ?? "en";
  return first.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function set_language(next: Language): void {
  write("language", next);
}

/** Each `{name}` replaced by its value. */
export function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The string in the person's language, `{name}` filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return filled(tables[language()][key], values);
}

export function number(value: number, digits = 0): string {
  return value.toLocaleString(language(), { maximumFractionDigits: digits });
}

export function date(ms: number): string {
  return new Date(ms).toLocaleString(language(), { dateStyle: "medium", timeStyle: "short" });
}
