#include "orrery/text/sampling/schema_scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace orrery::text {

namespace {

bool has_type(const Json& value, const std::vector<std::string>& types) {
  const auto is = [&](const char* type) { return std::find(types.begin(), types.end(), type) != types.end(); };
  if (value.is_object()) return is("object");
  if (value.is_array()) return is("array");
  if (value.is_string()) return is("string");
  if (value.is_boolean()) return is("boolean");
  if (value.is_null()) return is("null");
  return is("number") || (is("integer") && (value.is_number_integer() || decimal_from_json(value).fraction.empty()));
}

std::string literal(const Json& value) {
  if (!value.is_structured()) return gbnf_quote(value.dump());
  const bool is_object = value.is_object();
  std::string out = is_object ? "\"{\" space" : "\"[\" space";
  bool first = true;
  for (const auto& [key, item] : value.items()) {
    if (!first) out += " \",\" space";
    first = false;
    if (is_object) out += fmt::format(" {} space \":\" space", gbnf_quote(Json(key).dump()));
    out += fmt::format(" {} space", literal(item));
  }
  return out += is_object ? " \"}\"" : " \"]\"";
}

const std::string& text_of(const Located& keyword) {
  if (!keyword.value->is_string()) schema_error(keyword.pointer, keyword.value->dump(), "a string");
  return keyword.value->get_ref<const std::string&>();
}

constexpr size_t kLimitDigits = 64;  // each is a group within another in the grammar

void limit(const SchemaParts& parts, const char* keyword, bool exclusive, int sign,
           std::optional<NumberRange::Bound>& bound) {
  if (!parts.has(keyword)) return;
  const Located& at = parts.rest.at(keyword);
  if (!at.value->is_number()) schema_error(at.pointer, at.value->dump(), "a number");
  const NumberRange::Bound here{decimal_from_json(*at.value), exclusive};
  const size_t digits = here.value.integer.find_last_not_of('0') + 1 + here.value.fraction.size();
  if (digits > kLimitDigits)
    schema_error(at.pointer, fmt::format("a limit of {} digits", digits), fmt::format("at most {}", kLimitDigits));
  const int order = bound ? compare(here.value, bound->value) * sign : 1;
  if (order > 0 || (order == 0 && exclusive)) bound = here;
}

}  // namespace

std::string gbnf_counts(uint32_t least, std::optional<uint32_t> most) {
  if (!most) return least == 0 ? "*" : least == 1 ? "+" : fmt::format("{{{},}}", least);
  return fmt::format("{{{},{}}}", least, *most);
}

uint32_t least_count(const SchemaParts& parts, const char* keyword) {
  return parts.has(keyword) ? schema_count(parts.rest.at(keyword)) : 0;
}
std::optional<uint32_t> most_count(const SchemaParts& parts, const char* keyword) {
  return parts.has(keyword) ? std::optional(schema_count(parts.rest.at(keyword))) : std::nullopt;
}

std::optional<std::string> gbnf_values(const SchemaParts& parts) {
  const bool constrained = !parts.rest.empty() || !parts.properties.empty() || !parts.required.empty() ||
                           !parts.items.empty() || parts.prefix || !parts.additional.empty();
  if (constrained)
    schema_error(parts.pointer, "enum or const together with keywords that limit the values",
                 "only the values that fit");
  std::vector<std::string> ways;
  for (const Json* value : *parts.values)
    if (!parts.types || has_type(*value, *parts.types)) ways.push_back(literal(*value));
  return ways.empty() ? std::nullopt : std::optional(gbnf_join(ways));
}

std::optional<std::string> gbnf_string(const SchemaParts& parts) {
  const bool has_length = parts.has("minLength") || parts.has("maxLength");
  for (const char* keyword : {"pattern", "format"}) {
    if (!parts.has(keyword)) continue;
    const Located& at = parts.rest.at(keyword);
    if (has_length || (parts.has("pattern") && parts.has("format")))
      schema_error(at.pointer, "two ways to limit one string", "one of minLength/maxLength, pattern, format");
    const std::string& text = text_of(at);
    const auto inside =
        keyword == std::string_view("pattern") ? gbnf_from_regex(text, "char", at.pointer) : gbnf_from_format(text);
    if (!inside) schema_error(at.pointer, text, "date, time, date-time, uuid, email or ipv4");
    return fmt::format("\"\\\"\" {} \"\\\"\"", *inside);
  }
  if (!has_length) return "string";
  const uint32_t low = least_count(parts, "minLength");
  const auto high = most_count(parts, "maxLength");
  if (high && *high < low) return std::nullopt;
  return fmt::format("\"\\\"\" char{} \"\\\"\"", gbnf_counts(low, high));
}

std::optional<std::string> gbnf_number(const std::string& type, const SchemaParts& parts) {
  NumberRange range;
  limit(parts, "minimum", false, 1, range.least);
  limit(parts, "exclusiveMinimum", true, 1, range.least);
  limit(parts, "maximum", false, -1, range.greatest);
  limit(parts, "exclusiveMaximum", true, -1, range.greatest);
  if (!range.least && !range.greatest) return type;
  if (range.least && range.greatest && compare(range.least->value, range.greatest->value) > 0) return std::nullopt;
  return type == "integer" ? gbnf_integers(range) : gbnf_numbers(range);
}

}  // namespace orrery::text
