import { h } from "./dom";
import { t } from "./i18n";
import { state } from "./state";

export function model_select(chosen: string, label: string, choose: (model: string) => void): HTMLSelectElement {
  const select = h("select", { "aria-label": label, title: label, class: "model" });
  for (const model of state.info?.models ?? []) {
    select.append(h("option", { value: model.id, selected: model.id === chosen }, model.loaded ? model.id : t("model_not_loaded", { model: model.id })));
  }
  select.disabled = !select.options.length;
  select.addEventListener("change", () => choose(select.value));
  return select;
}
