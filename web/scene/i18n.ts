// The viewer's own strings; the language is chosen as in the studio.

import { filled, language, type Language } from "../studio/i18n";
import { en } from "./strings_en";
import { zh } from "./strings_zh";

export type Key = keyof typeof en;
const tables: Record<Language, Record<Key, string>> = { en, zh };

/** The string in the person's language, `{name}` filled in. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return filled(tables[language()][key], values);
}
