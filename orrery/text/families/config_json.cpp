#include "orrery/text/families/config_json.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "orrery/base/file.h"

namespace orrery::text {

namespace {
using Json = nlohmann::json;

/// A value for a message.
std::string brief(const Json& value) {
  if (value.is_structured()) return value.is_array() ? "an array" : "an object";
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 60) + "…";
  return text;
}
}  // namespace

nlohmann::json parse_json_object(std::string_view text, const std::string& where) {
  const auto fail = [&](std::string found) {
    return Error(
        {.doing = "read a model's config", .where = where, .found = std::move(found), .expected = "a JSON object"});
  };
  // Copying and printing JSON recurse; no config or tokenizer nests deeper than a handful.
  constexpr int kDeepest = 64;
  const Json::parser_callback_t check_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kDeepest) throw fail(fmt::format("JSON nested deeper than {}", kDeepest));
    return true;
  };
  Json json = Json::parse(text, check_depth, /*allow_exceptions=*/false);
  if (!json.is_object()) throw fail(json.is_discarded() ? "something that is no JSON" : json.type_name());
  return json;
}

nlohmann::json read_json_object(const std::filesystem::path& file) {
  return parse_json_object(read_text(file), file.string());
}

ConfigJson ConfigJson::open(const std::filesystem::path& file) {
  return ConfigJson(read_json_object(file), file.string());
}

ConfigJson::ConfigJson(const Json& object, std::string where)
    : json_(std::make_shared<const Json>(object)), where_(std::move(where)) {}

Error ConfigJson::error(std::string_view key, std::string found, std::string expected) const {
  return Error({.doing = "read a model's config",
                .where = fmt::format("{}, {}", where_, key),
                .found = std::move(found),
                .expected = std::move(expected)});
}

const Json* ConfigJson::find(std::string_view key) const {
  const auto entry = json_->find(key);
  return entry == json_->end() || entry->is_null() ? nullptr : &*entry;
}

const Json& ConfigJson::get(std::string_view key, std::string_view kind) const {
  if (const Json* value = find(key)) return *value;
  throw error(key, "no such key", std::string(kind));
}

bool ConfigJson::has(std::string_view key) const { return find(key) != nullptr; }

bool ConfigJson::is_list(std::string_view key) const { return has(key) && find(key)->is_array(); }

int64_t ConfigJson::integer(std::string_view key) const {
  const Json& value = get(key, "an integer");
  if (!value.is_number_integer()) throw error(key, brief(value), "an integer");
  if (value.is_number_unsigned() && value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()})
    throw error(key, brief(value), "an integer below 2^63");
  return value.get<int64_t>();
}

int64_t ConfigJson::integer(std::string_view key, int64_t fallback) const { return has(key) ? integer(key) : fallback; }

int64_t ConfigJson::size(std::string_view key) const {
  const int64_t value = integer(key);
  if (value < 1 || value > std::numeric_limits<int32_t>::max())
    throw error(key, std::to_string(value), "a size from 1 to 2^31 - 1");
  return value;
}

int64_t ConfigJson::size(std::string_view key, int64_t fallback) const { return has(key) ? size(key) : fallback; }

double ConfigJson::number(std::string_view key) const {
  const Json& value = get(key, "a number");
  if (!value.is_number()) throw error(key, brief(value), "a number");
  return value.get<double>();
}

double ConfigJson::number(std::string_view key, double fallback) const { return has(key) ? number(key) : fallback; }

bool ConfigJson::boolean(std::string_view key, bool fallback) const {
  const Json* value = find(key);
  if (!value) return fallback;
  if (!value->is_boolean()) throw error(key, brief(*value), "true or false");
  return value->get<bool>();
}

std::string ConfigJson::string(std::string_view key, const std::string& fallback) const {
  const Json* value = find(key);
  if (!value) return fallback;
  if (!value->is_string()) throw error(key, brief(*value), "a string");
  return value->get<std::string>();
}

std::vector<std::string> ConfigJson::strings(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return {};
  std::vector<std::string> result;
  if (value->is_array())
    for (const Json& item : *value)
      if (item.is_string()) result.push_back(item.get<std::string>());
  if (!value->is_array() || result.size() != value->size()) throw error(key, brief(*value), "a list of strings");
  return result;
}

std::vector<double> ConfigJson::numbers(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return {};
  std::vector<double> result;
  if (value->is_array())
    for (const Json& item : *value)
      if (item.is_number()) result.push_back(item.get<double>());
  if (!value->is_array() || result.size() != value->size()) throw error(key, brief(*value), "a list of numbers");
  return result;
}

ConfigJson ConfigJson::object(std::string_view key) const {
  const Json* value = find(key);
  if (value && !value->is_object()) throw error(key, brief(*value), "an object");
  return ConfigJson(value ? *value : Json::object(), fmt::format("{}, {}", where_, key));
}

std::vector<std::string> ConfigJson::keys() const {
  std::vector<std::string> result;
  for (const auto& item : json_->items()) result.push_back(item.key());
  return result;
}

}  // namespace orrery::text
