#include "orrery/text/sampling/schema_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"

namespace orrery::text {

namespace {

constexpr size_t kMaxAlternatives = 256, kMaxOpenRefs = 100;

const std::vector<std::string_view> kAnnotations = {"title",    "description", "default",  "examples",
                                                    "$schema",  "$id",         "$comment", "deprecated",
                                                    "readOnly", "writeOnly",   "$defs",    "definitions"};
const std::vector<std::string_view> kTypes = {"object", "array", "string", "number", "integer", "boolean", "null"};
// Keywords kept as they are; where two schemas hold together the larger (+1) or smaller (-1) value counts, or both must
// be equal (0).
const std::map<std::string_view, int> kRest = {
    {"minLength", 1},        {"maxLength", -1}, {"pattern", 0},  {"format", 0},    {"minimum", 1},
    {"exclusiveMinimum", 1}, {"maximum", -1},   {"minItems", 1}, {"maxItems", -1}, {"exclusiveMaximum", -1}};

bool is_annotation(std::string_view key) {
  return std::find(kAnnotations.begin(), kAnnotations.end(), key) != kAnnotations.end();
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

template <typename T>
bool holds(const std::vector<T>& list, const auto& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool holds(const std::vector<const Json*>& values, const Json& value) {
  return std::any_of(values.begin(), values.end(), [&](const Json* other) { return *other == value; });
}

// "a/b~" in a pointer is "a~1b~0".
std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  while (!text.empty()) {
    const bool here = text.starts_with(from);
    out += here ? to : text.substr(0, 1);
    text.remove_prefix(here ? from.size() : 1);
  }
  return out;
}

const Json& array_of(const Located& keyword, bool (Json::*is)() const noexcept, const char* expected) {
  const Json& value = *keyword.value;
  if (!value.is_array() || value.empty() ||
      !std::all_of(value.begin(), value.end(), [is](auto& v) { return (v.*is)(); }))
    schema_error(keyword.pointer, shown(value), expected);
  return value;
}

AllOf schemas_of(const Located& keyword) {
  if (!keyword.value->is_array() || keyword.value->empty())
    schema_error(keyword.pointer, shown(*keyword.value), "an array of schemas");
  AllOf out;
  for (size_t i = 0; i < keyword.value->size(); ++i)
    out.push_back({&(*keyword.value)[i], pointer_to(keyword.pointer, std::to_string(i))});
  return out;
}

std::vector<std::string> types_of(const Located& keyword) {
  const Json list = keyword.value->is_string() ? Json::array({*keyword.value}) : *keyword.value;
  std::vector<std::string> types;
  for (const auto& type : array_of({&list, keyword.pointer}, &Json::is_string, "a type or an array of types")) {
    if (!holds(kTypes, type.get_ref<const std::string&>()))
      schema_error(keyword.pointer, shown(type), "object, array, string, number, integer, boolean or null");
    types.push_back(type);
  }
  return types;
}

}  // namespace

void schema_error(const std::string& pointer, std::string found, std::string expected) {
  throw Error({.doing = "turn a JSON schema into a grammar",
               .where = pointer,
               .found = std::move(found),
               .expected = std::move(expected)});
}

std::string pointer_to(const std::string& pointer, std::string_view key) {
  return fmt::format("{}/{}", pointer, replaced(replaced(key, "~", "~0"), "/", "~1"));
}

uint32_t schema_count(const Located& keyword) {
  const Json& value = *keyword.value;
  if (!value.is_number() || value < 0 || value > 100000 || value != Json(value.get<int64_t>()))
    schema_error(keyword.pointer, shown(value), "an integer of 0 to 100000");
  return value.get<uint32_t>();
}

std::optional<Located> SchemaReader::only(const Located& schema, std::string_view keyword) {
  if (!schema.value->is_object()) return std::nullopt;
  std::optional<Located> found;
  for (const auto& [key, value] : schema.value->items()) {
    if (key == keyword)
      found = Located{&value, pointer_to(schema.pointer, key)};
    else if (!is_annotation(key))
      return std::nullopt;
  }
  return found;
}

Located SchemaReader::resolve(const Located& ref) const {
  if (!ref.value->is_string()) schema_error(ref.pointer, shown(*ref.value), "a string");
  const std::string& text = ref.value->get_ref<const std::string&>();
  if (text != "#" && !text.starts_with("#/")) schema_error(ref.pointer, text, "a reference inside this schema: #/...");
  std::string decoded;  // of percent signs
  for (size_t i = 1; i < text.size(); ++i) {
    const bool encoded = text[i] == '%' && i + 2 < text.size() && std::isxdigit(uint8_t(text[i + 1])) &&
                         std::isxdigit(uint8_t(text[i + 2]));
    decoded += encoded ? char(std::stoi(text.substr(i + 1, 2), nullptr, 16)) : text[i];
    if (encoded) i += 2;
  }
  const Json* value = &root_;
  std::string pointer = "#";
  for (size_t at = 0; at < decoded.size();) {
    const size_t end = std::min(decoded.find('/', at + 1), decoded.size());
    const std::string key = replaced(replaced(decoded.substr(at + 1, end - at - 1), "~1", "/"), "~0", "~");
    const bool is_index = value->is_array() && !key.empty() && key.size() < 9 &&
                          key.find_first_not_of("0123456789") == key.npos && std::stoul(key) < value->size();
    if (value->is_object() && value->contains(key))
      value = &value->at(key);
    else if (is_index)
      value = &value->at(std::stoul(key));
    else
      schema_error(ref.pointer, text, "something that is there");
    pointer = pointer_to(pointer, key);
    at = end;
  }
  return {value, pointer};
}

SchemaParts SchemaReader::own_keywords(const Located& schema) const {
  SchemaParts parts;
  parts.pointer = schema.pointer;
  const auto limit_values = [&parts](std::vector<const Json*> values) {
    if (parts.values) std::erase_if(values, [&](const Json* value) { return !holds(*parts.values, *value); });
    parts.values = std::move(values);
  };
  for (const auto& [key, value] : schema.value->items()) {
    const Located here{&value, pointer_to(schema.pointer, key)};
    const bool is_schema = value.is_object() || value.is_boolean();
    if (is_annotation(key) || key == "$ref" || key == "allOf" || key == "anyOf" || key == "oneOf") continue;
    if (key == "type") {
      parts.types = types_of(here);
    } else if (key == "properties") {
      if (!value.is_object()) schema_error(here.pointer, shown(value), "an object");
      for (const auto& [name, property] : value.items())
        parts.properties.push_back({name, {{&property, pointer_to(here.pointer, name)}}});
    } else if (key == "required") {
      if (!value.is_array()) schema_error(here.pointer, shown(value), "an array of names");
      if (value.empty()) continue;
      for (const auto& name : array_of(here, &Json::is_string, "an array of names"))
        parts.required.emplace_back(name.get<std::string>(), here.pointer);
    } else if (key == "additionalProperties") {
      if (!is_schema) schema_error(here.pointer, shown(value), "a schema, true or false");
      parts.additional = {here};
    } else if (key == "prefixItems" || (key == "items" && value.is_array())) {
      parts.prefix = schemas_of(here);
    } else if (key == "items") {
      if (!is_schema) schema_error(here.pointer, shown(value), "a schema, true or false");
      parts.items = {here};
    } else if (key == "enum") {
      if (!value.is_array() || value.empty()) schema_error(here.pointer, shown(value), "an array of values");
      std::vector<const Json*> values;
      for (const auto& item : value) values.push_back(&item);
      limit_values(std::move(values));
    } else if (key == "const") {
      limit_values({&value});
    } else if (kRest.contains(key)) {
      parts.rest.emplace(key, here);
    } else if (key == "uniqueItems" && value == false) {
      continue;
    } else {
      schema_error(here.pointer, "a keyword that is not supported", "one that a grammar can hold the text to");
    }
  }
  return parts;
}

std::vector<SchemaParts> SchemaReader::expand(const Located& schema) {
  if (schema.value->is_boolean()) {
    if (!schema.value->get<bool>()) return {};
    return {SchemaParts{.pointer = schema.pointer}};
  }
  if (!schema.value->is_object())
    schema_error(schema.pointer, shown(*schema.value), "a schema: an object, true or false");
  if (holds(open_refs_, schema.pointer) || open_refs_.size() > kMaxOpenRefs)
    schema_error(schema.pointer, "a schema that contains itself before anything is read");
  open_refs_.push_back(schema.pointer);
  std::vector<SchemaParts> out = {own_keywords(schema)};
  if (out.front().values && out.front().values->empty()) out.clear();
  for (const auto& [key, value] : schema.value->items()) {
    const Located here{&value, pointer_to(schema.pointer, key)};
    if (key == "$ref") out = both(out, expand(resolve(here)), here.pointer);
    if (key == "allOf")
      for (const auto& part : schemas_of(here)) out = both(out, expand(part), here.pointer);
    if (key != "anyOf" && key != "oneOf") continue;
    std::vector<SchemaParts> any;
    for (const auto& part : schemas_of(here)) {
      auto ways = expand(part);
      any.insert(any.end(), std::make_move_iterator(ways.begin()), std::make_move_iterator(ways.end()));
    }
    out = both(out, any, here.pointer);
  }
  open_refs_.pop_back();
  return out;
}

std::vector<SchemaParts> SchemaReader::alternatives(const AllOf& all) {
  open_refs_.clear();
  std::vector<SchemaParts> out = expand(all.front());
  for (size_t i = 1; i < all.size(); ++i) out = both(out, expand(all[i]), all[i].pointer);
  return out;
}

std::vector<SchemaParts> SchemaReader::both(const std::vector<SchemaParts>& a, const std::vector<SchemaParts>& b,
                                            const std::string& pointer) const {
  if (a.size() * b.size() > kMaxAlternatives) schema_error(pointer, "more than 256 alternatives, multiplied out");
  std::vector<SchemaParts> out;
  for (const auto& x : a)
    for (const auto& y : b)
      if (auto both_hold = merged(x, y)) out.push_back(std::move(*both_hold));
  return out;
}

// Nothing where no value satisfies both.
std::optional<SchemaParts> SchemaReader::merged(const SchemaParts& a, const SchemaParts& b) {
  SchemaParts out = a;
  if (a.types && b.types) {
    std::vector<std::string> shared;
    for (const auto& type : kTypes) {
      const auto allows = [&type](const auto& types) {
        return holds(types, type) || (type == "integer" && holds(types, "number"));
      };
      const bool covered = type == "integer" && holds(shared, "number");
      if (allows(*a.types) && allows(*b.types) && !covered) shared.emplace_back(type);
    }
    if (shared.empty()) return std::nullopt;
    out.types = shared;
  } else if (b.types) {
    out.types = b.types;
  }

  const auto find = [](auto& properties, const std::string& name) {
    return std::find_if(properties.begin(), properties.end(), [&](auto& p) { return p.first == name; });
  };
  const auto append = [](AllOf& to, const AllOf& from) { to.insert(to.end(), from.begin(), from.end()); };
  for (auto& [name, schemas] : out.properties)
    if (find(b.properties, name) == b.properties.end()) append(schemas, b.additional);
  for (const auto& [name, schemas] : b.properties) {
    auto known = find(out.properties, name);
    if (known == out.properties.end()) {
      out.properties.emplace_back(name, schemas);
      append(out.properties.back().second, a.additional);
    } else {
      append(known->second, schemas);
    }
  }
  append(out.additional, b.additional);
  append(out.items, b.items);
  out.required.insert(out.required.end(), b.required.begin(), b.required.end());
  if (a.prefix && b.prefix) schema_error(b.pointer, "two lists of prefix items that hold together", "one of them");
  if (b.prefix) out.prefix = b.prefix;
  if (a.values && b.values)
    std::erase_if(*out.values, [&](const Json* value) { return !holds(*b.values, *value); });
  else if (b.values)
    out.values = b.values;
  if (out.values && out.values->empty()) return std::nullopt;

  for (const auto& [keyword, located] : b.rest) {
    const auto [known, is_new] = out.rest.emplace(keyword, located);
    if (is_new || *known->second.value == *located.value) continue;
    const int wins = kRest.at(keyword);
    if (wins == 0 || !known->second.value->is_number() || !located.value->is_number())
      schema_error(located.pointer, "a second value that holds together with " + known->second.pointer, "one of them");
    if (compare(decimal_from_json(*located.value), decimal_from_json(*known->second.value)) == wins)
      known->second = located;
  }
  return out;
}

}  // namespace orrery::text
