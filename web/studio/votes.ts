// The votes that are stored, to look through, take back and download.

import * as api from "./api";
import { open_dialog } from "./dialog";
import { h, icon, icon_button } from "./dom";
import { date, number, t } from "./i18n";
import { text_of } from "./tree";
import type { Preference } from "./types";

export function open_votes(): void {
  const body = h("div", { class: "votes" });
  open_dialog(t("votes_hint"), "wide", body);
  void show(body);
}

async function show(body: HTMLElement): Promise<void> {
  try {
    const { preferences, total } = await api.preferences();
    if (!total) return body.replaceChildren(h("p", { class: "note" }, t("votes_none")));
    const download = () =>
      api.download_preferences().catch((error: Error) => body.append(h("p", { class: "status error", role: "alert" }, t("export_failed", { error: error.message }))));
    const total_text = total === 1 ? t("votes_total_one") : t("votes_total", { n: number(total) });
    body.replaceChildren(
      h("div", { class: "row" }, h("p", null, total_text), h("button", { type: "button", class: "primary", onclick: download }, icon("download"), t("export_votes"))),
      h("ul", null, preferences.map((preference) => row(preference, body))),
    );
  } catch (error) {
    const again = h("button", { type: "button", onclick: () => void show(body) }, t("again"));
    body.replaceChildren(h("p", { class: "status error", role: "alert" }, h("span", null, (error as Error).message), again));
  }
}

function row(preference: Preference, body: HTMLElement): HTMLElement {
  const question = text_of(preference.prompt.at(-1)?.content ?? "").slice(0, 200);
  const line = t("vote_line", { chosen: preference.chosen_model, rejected: preference.rejected_model });
  const remove = async () => {
    await api.remove_preference(preference.id).catch(() => undefined);
    await show(body);
  };
  const when = preference.created_at ? " · " + date(preference.created_at) : "";
  return h("li", null, h("div", null, h("strong", null, question), h("small", null, line + when)), icon_button("trash", `${t("delete")}: ${question}`, () => void remove()));
}
