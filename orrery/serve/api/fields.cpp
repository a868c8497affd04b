#include "orrery/serve/api/fields.h"

#include <fmt/format.h>

#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>

namespace orrery::serve {

using nlohmann::ordered_json;

namespace {

constexpr size_t kShown = 80;  // bytes of a value in a message
constexpr size_t kMostDepth = 64;
constexpr size_t kMostFields = 1000;     // an object finds its fields one by one
constexpr size_t kMostValues = 4 << 20;  // each takes 16 bytes and more

std::string shown(const ordered_json& value) {
  std::string text = value.dump(-1, ' ', true, ordered_json::error_handler_t::replace);
  if (text.size() > kShown) text = text.substr(0, kShown) + "…";
  return text;
}

std::string list(const std::set<std::string, std::less<>>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

[[noreturn]] void refuse_body(const std::string& found, const std::string& expected) {
  throw Refusal(400, "", {.doing = "read the request's JSON", .found = found, .expected = expected}, "invalid_json");
}

// What parse_body() refuses, before there is a tree of it. Not the parser's callback: with one, the parser looks
// through a whole list at the end of each object in it.
class BodyCheck : public nlohmann::json_sax<ordered_json> {
 public:
  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(int64_t) override { return value(); }
  bool number_unsigned(uint64_t) override { return value(); }
  bool number_float(double, const std::string&) override { return value(); }
  bool string(std::string&) override { return value(); }
  bool binary(ordered_json::binary_t&) override { return value(); }
  bool start_object(size_t) override { return open(); }
  bool start_array(size_t) override { return open(); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    if (!names_.back().insert(name).second) refuse_body("\"" + name + "\" twice in an object", "once");
    if (names_.back().size() > kMostFields)
      refuse_body(fmt::format("an object of more than {} fields", kMostFields), "fewer");
    return true;
  }
  bool parse_error(size_t byte, const std::string&, const nlohmann::detail::exception& error) override {
    if (dynamic_cast<const ordered_json::out_of_range*>(&error) != nullptr)
      refuse_body(fmt::format("a number beyond all bounds before byte {}", byte), "at most 1.8e308");
    refuse_body(fmt::format("a syntax error at byte {}", byte), "valid JSON in UTF-8");
  }

 private:
  bool value() {
    if (++values_ > kMostValues) refuse_body(fmt::format("more than {} values", kMostValues), "fewer");
    return true;
  }
  bool open() {
    names_.emplace_back();
    if (names_.size() > kMostDepth) refuse_body(fmt::format("more than {} levels", kMostDepth), "fewer");
    return value();
  }
  bool close() {
    names_.pop_back();
    return true;
  }

  std::vector<std::set<std::string, std::less<>>> names_;  // of the objects and lists that are open
  size_t values_ = 0;
};

}  // namespace

Fields::Fields(const ordered_json& object, std::string path) : object_(object), path_(std::move(path)) {
  if (!object.is_object())
    throw Refusal(400, path_,
                  {.doing = "read the request", .where = path_, .found = shown(object), .expected = "an object"});
}

std::string Fields::at(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

void Fields::refuse(std::string_view name, const std::string& found, const std::string& expected) const {
  throw Refusal(400, at(name), {.doing = "read the request", .where = at(name), .found = found, .expected = expected});
}

const ordered_json* Fields::any(std::string_view name) {
  read_.emplace(name);
  const auto field = object_.find(name);
  return field == object_.end() || field->is_null() ? nullptr : &*field;
}

std::optional<std::string> Fields::text(std::string_view name) {
  const ordered_json* value = any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(name, shown(*value), "a string");
  return value->get<std::string>();
}

std::optional<bool> Fields::flag(std::string_view name) {
  const ordered_json* value = any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(name, shown(*value), "true or false");
  return value->get<bool>();
}

std::optional<double> Fields::number(std::string_view name, double least, double most) {
  const ordered_json* value = any(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) refuse(name, shown(*value), "a number");
  const double number = value->get<double>();
  if (!(number >= least && number <= most)) refuse(name, shown(*value), fmt::format("{} to {}", least, most));
  return number;
}

std::optional<int64_t> Fields::integer(std::string_view name, int64_t least, int64_t most) {
  const ordered_json* value = any(name);
  if (value == nullptr) return std::nullopt;
  const bool whole = value->is_number_integer() ||
                     (value->is_number_float() && std::trunc(value->get<double>()) == value->get<double>() &&
                      std::abs(value->get<double>()) < 9e15);
  if (!whole) refuse(name, shown(*value), "a whole number");
  const bool beyond = value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  const int64_t number = beyond ? INT64_MAX : value->get<int64_t>();
  if (beyond || number < least || number > most) refuse(name, shown(*value), fmt::format("{} to {}", least, most));
  return number;
}

const ordered_json* Fields::object(std::string_view name) {
  const ordered_json* value = any(name);
  if (value != nullptr && !value->is_object()) refuse(name, shown(*value), "an object");
  return value;
}

const ordered_json* Fields::array(std::string_view name) {
  const ordered_json* value = any(name);
  if (value != nullptr && !value->is_array()) refuse(name, shown(*value), "an array");
  return value;
}

std::vector<std::string> Fields::texts(std::string_view name) {
  const ordered_json* value = any(name);
  std::vector<std::string> texts;
  if (value == nullptr) return texts;
  if (value->is_string()) return {value->get<std::string>()};
  if (!value->is_array()) refuse(name, shown(*value), "a string or an array of strings");
  for (const ordered_json& one : *value) {
    if (!one.is_string()) refuse(name, shown(one), "strings");
    texts.push_back(one.get<std::string>());
  }
  return texts;
}

std::string Fields::text_or_throw(std::string_view name) {
  auto value = text(name);
  if (!value) refuse(name, "nothing", "a string");
  return *std::move(value);
}

const ordered_json& Fields::array_or_throw(std::string_view name) {
  const ordered_json* value = array(name);
  if (value == nullptr) refuse(name, "nothing", "an array");
  return *value;
}

void Fields::ignore(std::initializer_list<std::string_view> names) {
  for (std::string_view name : names) read_.emplace(name);
}

void Fields::only(std::string_view name, const ordered_json& nothing, std::string_view why) {
  const ordered_json* value = any(name);
  if (value != nullptr && *value != nothing) refuse(name, shown(*value), std::string(why));
}

void Fields::finish() const {
  for (const auto& [name, value] : object_.items()) {
    if (read_.contains(name)) continue;
    throw Refusal(400, at(name),
                  {.doing = "read the request",
                   .where = at(name),
                   .found = "a field that is not supported here",
                   .expected = "one of " + list(read_)},
                  "unknown_parameter");
  }
}

ordered_json parse_body(std::string_view body) {
  BodyCheck check;
  ordered_json::sax_parse(body, &check);
  ordered_json parsed = ordered_json::parse(body);
  if (!parsed.is_object()) refuse_body(shown(parsed), "an object");
  return parsed;
}

}  // namespace orrery::serve
