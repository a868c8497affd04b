// Builds the page and joins its parts. The address's #c/ID says which conversation is open.

import { live_region } from "./announce";
import * as api from "./api";
import { outbox_banner } from "./banner";
import { emit, on, silence } from "./bus";
import { copy_from } from "./clipboard";
import { composer_view } from "./composer";
import { h } from "./dom";
import { accept_drops } from "./drop";
import { listen_to_windows } from "./elsewhere";
import { header_view } from "./header";
import { open_help } from "./help";
import { language, t } from "./i18n";
import { ask_for_key } from "./key_dialog";
import * as outbox from "./outbox";
import { settings_panel } from "./settings_panel";
import { listen_to_keys } from "./shortcuts";
import { sidebar_view } from "./sidebar";
import { open, show_new, state } from "./state";
import { thread_view } from "./thread";
import { toast, toast_shelf } from "./toast";
import { toolbar } from "./toolbar";

const narrow = matchMedia("(max-width: 800px)");

async function route(): Promise<void> {
  const id = /^#c\/([\w-]{1,64})$/.exec(location.hash)?.[1];
  if (id) await open(id);
  else show_new();
}

function navigate(id: string | null): void {
  const hash = id ? "#c/" + id : "";
  if (location.hash !== hash) history.pushState(null, "", hash || location.pathname);
  void route();
}

function build(): void {
  silence();
  document.documentElement.lang = language() === "zh" ? "zh-CN" : "en";
  const body = document.body;
  const show_sidebar = (show: boolean) => {
    body.classList.toggle("drawer", show && narrow.matches);
    body.classList.toggle("no-sidebar", !show && !narrow.matches);
    menu.setAttribute("aria-expanded", String(show));
    menu.title = t(show ? "close_sidebar" : "open_sidebar");
    menu.setAttribute("aria-label", menu.title);
  };
  const sidebar_shown = () => (narrow.matches ? body.classList.contains("drawer") : !body.classList.contains("no-sidebar"));
  const compose = () => composer.focus();

  const tools = toolbar();
  const sidebar = sidebar_view((id) => {
    navigate(id);
    if (narrow.matches) show_sidebar(false);
    compose();
  }, tools.element);
  const settings = settings_panel(() => document.getElementById("open-settings")?.focus());
  const thread = thread_view();
  const composer = composer_view();
  const header = header_view(
    () => show_sidebar(!sidebar_shown()),
    () => settings.toggle(),
  );
  const menu = header.querySelector<HTMLElement>("#menu")!;
  const shade = h("div", { class: "shade", onclick: () => show_sidebar(false) });
  const skip = h("a", { class: "skip", href: "#question", onclick: (event: Event) => (event.preventDefault(), compose()) }, t("skip"));
  const middle = h("div", { id: "middle" }, header, outbox_banner(), thread.element, composer.element);
  body.replaceChildren(skip, sidebar.element, shade, middle, settings.element, live_region(), toast_shelf(), accept_drops(composer.add_files));
  show_sidebar(!narrow.matches);

  on("interface", build);
  on("thread", () => narrow.matches && show_sidebar(false));
  listen_to_keys(
    {
      new_chat: () => (navigate(null), compose()),
      search: () => (show_sidebar(true), sidebar.focus_search()),
      compose,
      sidebar: () => show_sidebar(!sidebar_shown()),
      settings: () => settings.toggle(),
      help: open_help,
      theme: tools.turn_theme,
      compare: composer.toggle_compare,
      close: () => {
        if (body.classList.contains("drawer")) show_sidebar(false);
        else if (!settings.element.hidden) settings.toggle(false);
        else return false;
        return true;
      },
    },
    thread,
  );
  narrow.onchange = () => show_sidebar(!narrow.matches);
  if (!narrow.matches) compose();
}

/** Waits for the server, says so while it does not answer. */
async function greet(): Promise<void> {
  for (;;) {
    try {
      state.info = await api.info();
      return;
    } catch (error) {
      await new Promise<void>((resolve) => toast(t("start_failed", { error: (error as Error).message }), { label: t("again"), run: resolve }, resolve, 5000));
    }
  }
}

async function start(): Promise<void> {
  api.on_key_needed(ask_for_key);
  build();
  document.addEventListener("click", (event) => {
    const button = (event.target as Element).closest<HTMLElement>("[data-action=copy-code]");
    const code = button?.closest(".code")?.querySelector("code");
    if (button && code) void copy_from(button, code.textContent ?? "");
  });
  addEventListener("popstate", () => void route());
  listen_to_windows(
    (id) => {
      if (id !== state.id) return;
      toast(t("gone"));
      navigate(null);
    },
    (id) => {
      if (id === state.id) void open(id);
    },
  );
  await greet();
  emit("settings");
  outbox.start();
  await outbox.settled();
  await route();
  state.ready = true;
  emit("ready");
  emit("list");
}

void start();
