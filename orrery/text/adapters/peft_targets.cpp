#include "orrery/text/adapters/peft_targets.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace orrery::text {

namespace {

using nlohmann::json;

bool ends_with_module(std::string_view module, std::string_view name) {
  return module == name ||
         (module.size() > name.size() && module.ends_with(name) && module[module.size() - name.size() - 1] == '.');
}

std::vector<std::string_view> components(std::string_view module) {
  std::vector<std::string_view> parts;
  for (size_t dot; (dot = module.find('.')) != module.npos; module.remove_prefix(dot + 1))
    parts.push_back(module.substr(0, dot));
  parts.push_back(module);
  return parts;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

ModuleMatcher::ModuleMatcher(const json& config, const ConfigJson& getters, std::string_view key) {
  const auto value = config.find(key);
  if (value == config.end() || value->is_null()) return;
  if (!value->is_string()) {
    suffixes_ = getters.strings(key);
  } else if (value->get_ref<const std::string&>() == "all-linear") {
    all_ = true;
  } else {
    pattern_.emplace(fmt::format("\\A(?:{})\\z", value->get_ref<const std::string&>()));
  }
}

bool ModuleMatcher::matches(std::string_view module) const {
  if (all_) return !ends_with_module(module, "lm_head") && !ends_with_module(module, "embed_tokens");
  if (pattern_) return Regex::Search(*pattern_, module).next();
  return std::ranges::any_of(suffixes_, [&](const std::string& name) { return ends_with_module(module, name); });
}

ModulePatterns::ModulePatterns(const json& config, const ConfigJson& getters, std::string_view key) {
  const auto value = config.find(key);
  if (value == config.end() || value->is_null()) return;
  if (!value->is_object()) throw getters.error(key, value->type_name(), "an object of patterns and numbers");
  for (const auto& [pattern, entry] : value->items()) {
    if (!entry.is_number()) throw getters.error(key, fmt::format("{}: {}", pattern, entry.type_name()), "a number");
    patterns_.emplace_back(Regex(fmt::format("\\A(?:.*\\.)?(?:{})\\z", pattern)), entry.get<double>());
  }
}

std::optional<double> ModulePatterns::find(std::string_view module) const {
  for (const auto& [pattern, value] : patterns_)
    if (Regex::Search(pattern, module).next()) return value;
  return std::nullopt;
}

LayerFilter::LayerFilter(const json& config, const ConfigJson& getters) {
  const auto layers = config.find("layers_to_transform");
  if (layers == config.end() || layers->is_null()) return;
  for (const json& layer : layers->is_array() ? *layers : json::array({*layers})) {
    if (!layer.is_number_integer())
      throw getters.error("layers_to_transform", layer.type_name(), "an integer, or a list of them");
    layers_.push_back(layer.get<int64_t>());
  }
  const auto pattern = config.find("layers_pattern");
  if (pattern == config.end() || pattern->is_null()) return;
  if (pattern->is_string())
    patterns_.push_back(pattern->get<std::string>());
  else
    patterns_ = getters.strings("layers_pattern");
}

bool LayerFilter::passes(std::string_view module) const {
  if (layers_.empty()) return true;
  const std::vector<std::string_view> parts = components(module);
  for (size_t i = parts.size(); i-- > 1;) {
    const std::optional<int64_t> layer = number(parts[i]);
    if (layer && (patterns_.empty() || std::ranges::count(patterns_, parts[i - 1]) > 0))
      return std::ranges::count(layers_, *layer) > 0;
  }
  return false;
}

}  // namespace orrery::text
