// Settings in TOML files. Included where such a file is read or written; toml++ is large.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <toml++/toml.h>
#include <filesystem>
#include <functional>
#include <limits>
#include <set>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/base/names.h"
#include "orrery/train/field.h"

namespace orrery::train {

[[noreturn]] inline void refuse(const std::filesystem::path& file, const toml::node& node, std::string_view key,
                                std::string found, std::string expected) {
  throw Error({.doing = "read a run's settings",
               .where = fmt::format("{}, line {}, {}", file.string(), node.source().begin.line, key),
               .found = std::move(found),
               .expected = std::move(expected)});
}

inline toml::table parse(const std::filesystem::path& file) {
  try {
    return toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    throw Error({.doing = "read a run's settings",
                 .where = fmt::format("{}, line {}", file.string(), error.source().begin.line),
                 .found = std::string(error.description()),
                 .expected = "TOML"});
  }
}

/// What one value of a type is called, and how a TOML node becomes one.
template <class T>
constexpr const char* kKind = std::is_same_v<T, bool>          ? "true or false"
                              : std::is_same_v<T, std::string> ? "a text"
                              : std::is_floating_point_v<T>    ? "a number"
                                                               : "a whole number";

template <class T>
bool take(const toml::node& node, T& value) {
  if constexpr (std::is_same_v<T, double>) {
    const auto number = node.value<double>();
    if (!node.is_number() || !number) return false;
    value = *number;
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    const auto number = node.value_exact<int64_t>();
    if (!number || *number < static_cast<int64_t>(std::is_unsigned_v<T> ? 0 : std::numeric_limits<T>::min()) ||
        (sizeof(T) < sizeof(int64_t) && *number > static_cast<int64_t>(std::numeric_limits<T>::max())))
      return false;
    value = static_cast<T>(*number);
  } else {
    const auto exact = node.value_exact<T>();
    if (!exact) return false;
    value = *exact;
  }
  return true;
}

/// One setting out of a file.
class TomlReader {
 public:
  TomlReader(const std::filesystem::path& file, const toml::node& node) : file_(file), node_(node) {}

  template <class T>
  void operator()(const Field& field, T& value) const {
    if (!take(node_, value)) fail(field, kKind<T>);
  }
  template <class T>
  void operator()(const Field& field, std::vector<T>& values) const {
    values.clear();
    each(field, kKind<T>, [&](const toml::node& one) {
      T value{};
      const bool fits = take(one, value);
      if (fits) values.push_back(value);
      return fits;
    });
  }
  template <class E, size_t n>
  void operator()(const Field& field, E& value, const Name<E> (&names)[n]) const {
    const auto text = node_.value_exact<std::string>();
    if (!text) fail(field, "a name");
    value = from_name(names, where(field), *text);
  }
  template <class E, size_t n>
  void operator()(const Field& field, std::vector<E>& values, const Name<E> (&names)[n]) const {
    values.clear();
    each(field, "a name", [&](const toml::node& one) {
      const auto text = one.value_exact<std::string>();
      if (text) values.push_back(from_name(names, where(field), *text));
      return text.has_value();
    });
  }

 private:
  std::string where(const Field& field) const {
    return fmt::format("{}, line {}, {}", file_.string(), node_.source().begin.line, field.name);
  }
  [[noreturn]] void fail(const Field& field, const std::string& expected) const {
    std::ostringstream found;
    node_.visit([&](const auto& value) { found << value; });
    refuse(file_, node_, field.name, found.str().substr(0, 80), expected);
  }
  /// A list, or one value that stands for a list of one.
  template <class Take>
  void each(const Field& field, const char* kind, const Take& take_one) const {
    const std::string expected = fmt::format("{}, or a list of them", kind);
    const toml::array* list = node_.as_array();
    if (list == nullptr) {
      if (!take_one(node_)) fail(field, expected);
      return;
    }
    for (const toml::node& one : *list)
      if (!take_one(one)) fail(field, expected);
  }

  const std::filesystem::path& file_;
  const toml::node& node_;
};

/// Values as TOML writes them; numbers as briefly as they can be read back.
inline std::string toml_of(const std::string& value) {
  std::ostringstream text;
  text << toml::value<std::string>(value);
  return text.str();
}
inline std::string toml_of(bool value) { return value ? "true" : "false"; }
inline std::string toml_of(double value) {
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == text.npos ? text + ".0" : text;
}
template <class Integer>
requires std::is_integral_v<Integer> std::string toml_of(Integer value) { return fmt::format("{}", value); }
template <class T>
std::string toml_of(const std::vector<T>& values) {
  std::vector<std::string> texts;
  for (const T& value : values) texts.push_back(toml_of(value));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

/// A line per setting, under the titles of --help, into `text`.
class TomlWriter {
 public:
  explicit TomlWriter(std::string& text) : text_(text) {}

  template <class T>
  void operator()(const Field& field, const T& value) const {
    if (group_ != field.group) text_ += fmt::format("\n# {}\n", field.group);
    group_ = field.group;
    text_ += fmt::format("{} = {}\n", field.name, toml_of(value));
  }
  template <class E, size_t n>
  void operator()(const Field& field, const E& value, const Name<E> (&names)[n]) const {
    (*this)(field, std::string(name_of(names, value)));
  }
  template <class E, size_t n>
  void operator()(const Field& field, const std::vector<E>& values, const Name<E> (&names)[n]) const {
    std::vector<std::string> texts;
    for (const E value : values) texts.emplace_back(name_of(names, value));
    (*this)(field, texts);
  }

 private:
  std::string& text_;
  mutable std::string_view group_;
};

/// Throws Error naming the first key of the file that is none of these.
inline void refuse_unknown(const std::filesystem::path& file, const toml::table& table,
                           const std::set<std::string, std::less<>>& known, const std::string& command) {
  for (const auto& [key, node] : table)
    if (!known.contains(key.str()))
      refuse(file, node, key.str(), "a setting that is not known", fmt::format("one of {} --help", command));
}

}  // namespace orrery::train
