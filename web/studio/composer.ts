// Where a question is written: text, files, the model, one answer or two.

import { on } from "./bus";
import { Attachments } from "./attachments";
import { h, icon_button } from "./dom";
import { ask, is_running, stop_all } from "./generate";
import { number, t } from "./i18n";
import { enter_sends, is_send_key } from "./keys";
import { model_select } from "./model_select";
import { read, write } from "./preferences";
import { change_settings, model_of, state } from "./state";
import { toast } from "./toast";
import { path_to } from "./tree";

export interface Composer {
  element: HTMLElement;
  focus(): void;
  add_files(files: Iterable<File>): void;
  toggle_compare(): void;
}

export function composer_view(): Composer {
  const area = h("textarea", { id: "question", rows: "1", placeholder: t("placeholder"), "aria-label": t("question") });
  const picker = h("input", { type: "file", multiple: true, hidden: true, tabindex: "-1", "aria-hidden": "true" });
  const attach = icon_button("clip", t("attach"), () => picker.click());
  const compare = icon_button("compare", t("compare"), () => toggle_compare(), { "aria-pressed": "false" });
  const send = icon_button("send", t("send"), () => submit(), { class: "icon-button primary", type: "submit" });
  const stop = icon_button("stop", t("stop"), () => stop_all(), { class: "icon-button primary", hidden: true });
  const context = h("span", { class: "context" });
  const models = h("span", { class: "models" });
  const attachments = new Attachments(() => update());

  const draft_key = () => "draft." + (state.id ?? "new");
  let drafted = draft_key();
  /** Whether a question was sent before the server had answered. */
  let early = false;
  const fit = () => {
    area.style.height = "auto";
    area.style.height = Math.min(area.scrollHeight, innerHeight * 0.4) + "px";
  };
  const update = () => {
    const busy = is_running();
    stop.hidden = !busy;
    send.hidden = busy;
    send.disabled = !area.value.trim() && !attachments.any;
    send.title = t(enter_sends() ? "send_hint" : "send_hint_ctrl");
    compare.setAttribute("aria-pressed", String(Boolean(state.settings.compare)));
    context.textContent = context_text();
  };
  const show_models = () => {
    const { compare: right, ...left } = state.settings;
    models.replaceChildren(
      model_select(model_of(left), right ? t("setup_a") : t("model"), (model) => change_settings({ model })),
      ...(right ? [model_select(model_of(right), t("setup_b"), (model) => change_settings({ compare: { ...right, model } }))] : []),
    );
    update();
  };
  const submit = () => {
    const text = area.value;
    if ((!text.trim() && !attachments.any) || is_running()) return;
    if (attachments.reading) return toast(t("wait_for_files"));
    if (!state.ready) {
      early = true;
      return toast(t("not_ready"));
    }
    if (!state.info?.models.length) return toast(t("no_models"));
    if (attachments.blind_model()) return;
    early = false;
    const files = attachments.take();
    write(draft_key(), null);
    area.value = "";
    fit();
    ask(files.length ? [...files, { type: "text", text: text.trim() }] : text.trim(), state.head);
    drafted = draft_key();
    update();
  };
  const toggle_compare = () => {
    const { compare: on_now, ...left } = state.settings;
    const other = state.info?.models.find((model) => model.id !== model_of(left))?.id;
    change_settings({ compare: on_now ? null : { ...left, model: other ?? model_of(left) } });
  };

  area.addEventListener("input", () => {
    fit();
    write(draft_key(), area.value || null);
    update();
  });
  area.addEventListener("keydown", (event) => {
    if (!is_send_key(event)) return;
    event.preventDefault();
    submit();
  });
  area.addEventListener("paste", (event) => {
    const files = event.clipboardData?.files;
    if (!files?.length) return;
    event.preventDefault();
    attachments.add(files);
  });
  picker.addEventListener("change", () => {
    attachments.add(picker.files ?? []);
    picker.value = "";
  });
  on("thread", () => {
    if (drafted !== draft_key()) {
      drafted = draft_key();
      area.value = read(drafted) ?? "";
      fit();
    }
    update();
  });
  on("message", (message) => message.finish !== null && update());
  on("settings", show_models);
  on("ready", () => early && submit());
  area.value = read(drafted) ?? "";
  show_models();
  requestAnimationFrame(fit);

  const form = h(
    "form",
    { class: "composer", onsubmit: (event: Event) => (event.preventDefault(), submit()) },
    attachments.element,
    area,
    h("div", { class: "row" }, attach, picker, compare, models, h("span", { class: "space" }), context, stop, send),
  );
  return { element: h("div", { class: "dock" }, form), focus: () => area.focus(), add_files: (files) => attachments.add(files), toggle_compare };
}

/** How full the context was after the last answer of the branch. */
function context_text(): string {
  const all = state.info?.models.find((model) => model.id === model_of(state.settings))?.context;
  const last = path_to(state.messages, state.head).reverse().find((message) => message.stats?.prompt_tokens !== undefined)?.stats;
  if (!all || !last) return "";
  const used = (last.prompt_tokens ?? 0) + (last.completion_tokens ?? 0);
  return t("context_used", { used: number(used), all: number(all) });
}
