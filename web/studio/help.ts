import { open_dialog } from "./dialog";
import { h } from "./dom";
import { t, type Key } from "./i18n";

const kShortcuts: [string, Key][] = [
  ["Enter · Shift+Enter", "key_send"],
  ["Esc", "key_stop"],
  ["N", "key_new"],
  ["/", "key_search"],
  ["C", "key_compose"],
  ["B", "key_sidebar"],
  ["S", "key_settings"],
  ["E", "key_edit"],
  ["R", "key_retry"],
  ["Y", "key_copy"],
  ["[ · ]", "key_branch"],
  ["J · K", "key_message"],
  ["P", "key_compare"],
  ["1 · 2", "key_vote"],
  ["T", "key_theme"],
  ["F2 · Del", "key_list"],
  ["?", "key_help"],
];

export function open_help(): void {
  const rows = kShortcuts.map(([keys, what]) => h("tr", null, h("td", null, ...keys.split(" · ").map((key) => h("kbd", null, key))), h("td", null, t(what))));
  open_dialog(t("shortcuts"), "help", h("table", null, h("tbody", null, rows)));
}
