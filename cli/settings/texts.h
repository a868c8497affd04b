// Settings as they are typed.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/base/names.h"

namespace orrery::cli {

template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, std::string>)
    return value;
  else
    return fmt::format("{}", value);
}
template <class T>
std::string text_of(const std::vector<T>& values) {
  return fmt::format("{}", fmt::join(values, ","));
}
template <class E, size_t n>
std::string text_of(const E& value, const Name<E> (&names)[n]) {
  return std::string(name_of(names, value));
}
template <class E, size_t n>
std::string text_of(const std::vector<E>& values, const Name<E> (&names)[n]) {
  std::vector<std::string_view> texts;
  for (const E value : values) texts.push_back(name_of(names, value));
  return fmt::format("{}", fmt::join(texts, ","));
}

/// Reads what was typed for a setting. Throws Error naming it.
template <class T>
void from_texts(const std::vector<std::string>& texts, const std::string& key, T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    value = texts.back();
  } else if (!CLI::detail::lexical_cast(texts.back(), value)) {
    throw Error({.doing = "read the command line",
                 .where = key,
                 .found = texts.back(),
                 .expected = std::is_floating_point_v<T> ? "a number"
                             : std::is_same_v<T, bool>   ? "true or false"
                             : std::is_unsigned_v<T>     ? "a whole number, 0 or more"
                                                         : "a whole number"});
  }
}
template <class T>
void from_texts(const std::vector<std::string>& texts, const std::string& key, std::vector<T>& values) {
  values.clear();
  for (const std::string& text : texts)
    for (const std::string& one : CLI::detail::split(text, ',')) from_texts({one}, key, values.emplace_back());
}
template <class E, size_t n>
void from_texts(const std::vector<std::string>& texts, const std::string& key, E& value, const Name<E> (&names)[n]) {
  value = from_name(names, key, texts.back());
}
template <class E, size_t n>
void from_texts(const std::vector<std::string>& texts, const std::string& key, std::vector<E>& values,
                const Name<E> (&names)[n]) {
  values.clear();
  for (const std::string& text : texts)
    for (const std::string& one : CLI::detail::split(text, ',')) values.push_back(from_name(names, key, one));
}

}  // namespace orrery::cli
