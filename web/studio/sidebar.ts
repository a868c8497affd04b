// The list of conversations: newest first, searched by the server, renamed and deleted in place.

import * as api from "./api";
import { emit, on } from "./bus";
import { tell } from "./channel";
import { add, h, icon, icon_button } from "./dom";
import { t, type Key } from "./i18n";
import * as outbox from "./outbox";
import { patch, running, state } from "./state";
import { toast } from "./toast";
import type { Listed } from "./types";

const kSearchMs = 200;
const kRefreshMs = 300;
const kUndoMs = 7000;

export interface Sidebar {
  element: HTMLElement;
  focus_search(): void;
}

/** `navigate(null)` opens a new conversation. `tools` stand at the foot. */
export function sidebar_view(navigate: (id: string | null) => void, tools: HTMLElement): Sidebar {
  const search = h("input", { type: "search", maxlength: "200", placeholder: t("search"), "aria-label": t("search_hint") });
  const list = h("div", { class: "list" });
  /** Hidden until their deletion can no longer be undone. */
  const leaving = new Map<string, () => void>();
  let shown: Listed[] = [];
  let more = false;
  let current: AbortController | null = null;
  let timer = 0;

  const load = async (append: boolean) => {
    current?.abort();
    const mine = (current = new AbortController());
    const before = append ? (shown.at(-1)?.updated_at ?? null) : null;
    try {
      const page = await api.conversations(search.value.trim(), before, mine.signal);
      if (mine.signal.aborted) return;
      const known = new Set(append ? shown.map(({ id }) => id) : []);
      shown = [...(append ? shown : []), ...page.conversations.filter(({ id }) => !known.has(id))];
      more = page.more;
      show();
    } catch (error) {
      if (!mine.signal.aborted) show((error as Error).message);
    }
  };
  const later = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void load(false), ms);
  };

  const remove = (item: Listed) => {
    const id = item.id;
    const undo = () => {
      leaving.delete(id);
      show();
    };
    const really = (keepalive = false) => {
      if (!leaving.delete(id)) return;
      shown = shown.filter((other) => other.id !== id);
      outbox.forget(api.conversation_path(id));
      api.remove_conversation(id, keepalive).then(
        () => tell({ kind: "deleted", id }),
        (error: api.ApiError) => {
          if (error.status !== 404) toast(error.message);
          later(0);
        },
      );
    };
    for (const run of running.values()) if (run.message.conversation === id) run.stop();
    leaving.set(id, () => really(true));
    if (state.id === id) navigate(null);
    show();
    toast(t("deleted", { title: item.title || t("untitled") }), { label: t("undo"), run: undo }, () => really(), kUndoMs);
  };

  const rename = (item: Listed, row: HTMLElement) => {
    const input = h("input", { type: "text", value: item.title, "aria-label": t("title"), maxlength: "200" });
    const end = (save: boolean) => {
      if (!input.isConnected) return;
      const title = input.value.trim();
      if (save && title && title !== item.title) {
        item.title = title;
        patch(item.id, { title });
        emit("thread");
      }
      show();
      list.querySelector<HTMLElement>(`[data-id="${CSS.escape(item.id)}"] a`)?.focus();
    };
    input.onkeydown = (event) => {
      event.stopPropagation();
      if (event.key === "Enter" && !event.isComposing) end(true);
      else if (event.key === "Escape") end(false);
    };
    input.onblur = () => end(true);
    row.replaceChildren(input);
    input.select();
  };

  const row_of = (item: Listed) => {
    const row = h("li", { "data-id": item.id });
    const link = h("a", { href: "#c/" + item.id, "aria-current": item.id === state.id ? "page" : false }, h("span", { class: "name" }, item.title || t("untitled")));
    if (item.snippet) link.append(h("span", { class: "snippet" }, item.snippet));
    link.onkeydown = (event) => {
      if (event.key === "F2") rename(item, row);
      else if (event.key === "Delete") remove(item);
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const links = [...list.querySelectorAll("a")];
        links[links.indexOf(link) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
      } else return;
      event.preventDefault();
    };
    const name = item.title || t("untitled");
    const tools = h("span", { class: "tools" }, icon_button("edit", `${t("rename")}: ${name}`, () => rename(item, row)), icon_button("trash", `${t("delete")}: ${name}`, () => remove(item)));
    add(row, link, tools);
    return row;
  };

  const show = (error?: string) => {
    const focused = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>("[data-id]")?.dataset.id;
    const parts: HTMLElement[] = [];
    const items = shown.filter(({ id }) => !leaving.has(id));
    if (error) {
      const again = h("button", { type: "button", class: "link", onclick: () => void load(false) }, t("again"));
      parts.push(h("p", { class: "note", role: "alert" }, t("list_failed", { error }), " ", again));
    } else if (!items.length) {
      const query = search.value.trim();
      parts.push(h("p", { class: "note" }, query ? t("no_matches", { query }) : t("no_conversations")));
    }
    for (const [name, group] of grouped(items)) parts.push(h("h2", null, t(name)), h("ul", null, group.map(row_of)));
    if (more && !error) parts.push(h("button", { type: "button", class: "link", onclick: () => void load(true) }, t("more")));
    list.replaceChildren(...parts);
    if (focused) list.querySelector<HTMLElement>(`[data-id="${CSS.escape(focused)}"] a`)?.focus();
  };

  search.addEventListener("input", () => later(kSearchMs));
  search.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") list.querySelector("a")?.focus();
    else if (event.key === "Escape" && search.value) {
      event.stopPropagation();
      search.value = "";
      later(0);
    }
  });
  addEventListener("pagehide", () => {
    for (const really of leaving.values()) really();
  });
  on("list", () => later(kRefreshMs));
  on("thread", () => {
    for (const row of list.querySelectorAll<HTMLElement>("[data-id]")) {
      const link = row.querySelector("a");
      if (row.dataset.id === state.id) link?.setAttribute("aria-current", "page");
      else link?.removeAttribute("aria-current");
    }
  });
  void load(false);

  const fresh = h("button", { type: "button", class: "new", onclick: () => navigate(null) }, icon("plus"), t("new_chat"));
  const element = h("nav", { id: "sidebar", "aria-label": t("sidebar") }, fresh, h("div", { class: "search" }, icon("search"), search), list, tools);
  return { element, focus_search: () => search.focus() };
}

function grouped(items: Listed[]): [Key, Listed[]][] {
  const midnight = new Date().setHours(0, 0, 0, 0);
  const day = 24 * 3600 * 1000;
  const limits: [Key, number][] = [["today", midnight], ["yesterday", midnight - day], ["week", midnight - 6 * day], ["older", -Infinity]];
  const groups = new Map<Key, Listed[]>();
  for (const item of items) {
    const [name] = limits.find(([, since]) => item.updated_at >= since)!;
    groups.set(name, [...(groups.get(name) ?? []), item]);
  }
  return [...groups];
}
