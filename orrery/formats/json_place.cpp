#include "orrery/formats/json_place.h"

#include <fmt/format.h>

#include <cmath>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"

namespace orrery::formats {

nlohmann::json parse_json_document(std::span<const std::byte> bytes, const std::string& doing, const std::string& name,
                                   int max_depth) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  const auto check_depth = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    if (depth > max_depth)
      throw Error({.doing = doing,
                   .where = name,
                   .found = fmt::format("more than {} levels of lists and objects", max_depth),
                   .expected = "fewer"});
    return true;
  };
  try {
    return nlohmann::json::parse(text, text + bytes.size(), check_depth);
  } catch (const nlohmann::json::exception& problem) {
    const auto* syntax = dynamic_cast<const nlohmann::json::parse_error*>(&problem);
    throw Error({.doing = doing,
                 .where = name,
                 .found = syntax ? fmt::format("no JSON at byte {}", syntax->byte) : "a number out of range",
                 .expected = "valid JSON"});
  }
}

bool JsonPlace::has(const std::string& key) const {
  if (!value_->is_object()) fail_type("an object");
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

JsonPlace JsonPlace::at(const std::string& key) const {
  if (!has(key)) fail("no " + printable(key), "one");
  return {*value_->find(key), doing_, fmt::format("{}{}{}", place_, whole_ ? ", " : ".", key)};
}

JsonPlace JsonPlace::at(size_t index) const {
  if (index >= size()) fail(fmt::format("{} elements", size()), fmt::format("more than {}", index));
  return {(*value_)[index], doing_, fmt::format("{}[{}]", place_, index)};
}

size_t JsonPlace::size() const {
  if (!value_->is_array()) fail_type("a list");
  return value_->size();
}

double JsonPlace::number() const {
  if (!value_->is_number()) fail_type("a number");
  const auto number = value_->get<double>();
  if (!std::isfinite(number)) fail(fmt::format("{}", number), "a finite number");
  return number;
}

int64_t JsonPlace::whole() const {
  constexpr double kLargest = 1LL << 53;
  const double number = this->number();  // 800.0 is written for 800, too
  if (number != std::floor(number) || std::abs(number) > kLargest) fail(fmt::format("{}", number), "a whole number");
  return static_cast<int64_t>(number);
}

bool JsonPlace::flag() const {
  if (!value_->is_boolean()) fail_type("true or false");
  return value_->get<bool>();
}

std::string JsonPlace::text() const {
  if (!value_->is_string()) fail_type("a text");
  return value_->get<std::string>();
}

std::vector<std::string> JsonPlace::texts() const {
  std::vector<std::string> all;
  for (size_t i = 0; i < size(); ++i) all.push_back(at(i).text());
  return all;
}

void JsonPlace::fail(std::string found, std::string expected) const {
  throw Error({.doing = *doing_, .where = place_, .found = std::move(found), .expected = std::move(expected)});
}

void JsonPlace::fail_type(std::string expected) const {
  fail(value_->is_object()  ? "an object"
       : value_->is_array() ? "a list"
                            : printable(value_->dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)),
       std::move(expected));
}

}  // namespace orrery::formats
