// Reading one JSON value whose place in the document is known, so that every refusal names it. Include in .cpp files
// only.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orrery/base/error.h"

namespace orrery::text {

/// A value and its path ("tokenizer.json, model.vocab"). The document must outlive it. Typed access throws Error naming
/// the path.
class JsonView {
 public:
  JsonView(const nlohmann::json& value, std::string where) : value_(&value), where_(std::move(where)) {}

  const nlohmann::json& value() const { return *value_; }
  const std::string& where() const { return where_; }
  [[noreturn]] void fail(std::string found, std::string expected) const {
    throw Error(
        {.doing = "read a tokenizer", .where = where_, .found = std::move(found), .expected = std::move(expected)});
  }
  [[noreturn]] void mistyped(std::string expected) const { fail(value_->type_name(), std::move(expected)); }

  /// The member, or nothing where it is absent or null.
  std::optional<JsonView> find(const char* key) const {
    if (!value_->is_object()) mistyped("an object");
    const auto member = value_->find(key);
    if (member == value_->end() || member->is_null()) return std::nullopt;
    return JsonView(*member, where_ + (where_.ends_with(".json") ? ", " : ".") + key);
  }
  JsonView at(const char* key) const {
    auto member = find(key);
    if (!member) fail(std::string("no ") + key, key);
    return std::move(*member);
  }
  std::vector<JsonView> elements() const {
    if (!value_->is_array()) mistyped("an array");
    std::vector<JsonView> all;
    all.reserve(value_->size());
    for (size_t i = 0; i < value_->size(); ++i) all.emplace_back((*value_)[i], where_ + "[" + std::to_string(i) + "]");
    return all;
  }

  const std::string& string() const {
    if (!value_->is_string()) mistyped("a string");
    return value_->get_ref<const std::string&>();
  }
  int64_t integer() const {
    if (!value_->is_number_integer()) mistyped("an integer");
    if (value_->is_number_unsigned() && value_->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
      fail("a huge number", "an id");
    return value_->get<int64_t>();
  }
  bool boolean() const {
    if (!value_->is_boolean()) mistyped("true or false");
    return value_->get<bool>();
  }
  bool boolean(const char* key, bool absent) const {
    const auto member = find(key);
    return member ? member->boolean() : absent;
  }
  std::string string(const char* key, std::string absent) const {
    const auto member = find(key);
    return member ? member->string() : absent;
  }

 private:
  const nlohmann::json* value_;
  std::string where_;
};

inline constexpr int kMaxJsonNesting = 20;  // of Sequences inside Sequences

}  // namespace orrery::text
