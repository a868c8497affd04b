// A JSON document from an untrusted file, read by names and types: what is not as expected is named by the way to it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::formats {

/// Parses a whole document. Throws Error where it is no JSON, or nests deeper than `max_depth`, which bounds what a
/// hostile file costs to about ten times its size.
nlohmann::json parse_json_document(std::span<const std::byte> bytes, const std::string& doing, const std::string& name,
                                   int max_depth);

/// A value of a document and the way to it, for messages: "transforms.json, frames[3].transform_matrix". The document
/// must outlive it. Every read throws Error naming the place, what is there and what was expected.
class JsonPlace {
 public:
  JsonPlace(const nlohmann::json& document, const std::string& doing, std::string name)
      : value_(&document), doing_(&doing), place_(std::move(name)) {}

  const nlohmann::json& value() const { return *value_; }
  /// Null counts as absent.
  bool has(const std::string& key) const;
  JsonPlace at(const std::string& key) const;
  JsonPlace at(size_t index) const;
  /// Elements of an array.
  size_t size() const;

  double number() const;  ///< finite
  int64_t whole() const;
  bool flag() const;
  std::string text() const;
  std::vector<std::string> texts() const;
  /// Exactly n numbers.
  template <size_t n>
  std::array<double, n> numbers() const {
    if (size() != n) fail(std::to_string(size()) + " elements", std::to_string(n));
    std::array<double, n> all;
    for (size_t i = 0; i < n; ++i) all[i] = at(i).number();
    return all;
  }
  double number_or(const std::string& key, double fallback) const { return has(key) ? at(key).number() : fallback; }

  [[noreturn]] void fail(std::string found, std::string expected) const;

 private:
  JsonPlace(const nlohmann::json& value, const std::string* doing, std::string place)
      : value_(&value), doing_(doing), place_(std::move(place)), whole_(false) {}
  [[noreturn]] void fail_type(std::string expected) const;

  const nlohmann::json* value_;
  const std::string* doing_;
  std::string place_;
  bool whole_ = true;  // the document itself, whose place is its name
};

}  // namespace orrery::formats
