// Names of an enum's values, as option files and command lines write them.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace orrery {

/// A row of such a table. Of a value's names the first is the one that is shown; the others are taken too.
template <typename Enum>
struct Name {
  Enum value;
  std::string_view name;
};

/// Throws the Error of a name that the option does not know, listing those that it does.
[[noreturn]] void refuse_name(std::string_view option, std::string_view found,
                              const std::vector<std::string_view>& known);

/// The value's name. Every value has one in its table.
template <typename Enum, size_t n>
constexpr std::string_view name_of(const Name<Enum> (&table)[n], Enum value) {
  size_t row = 0;
  while (table[row].value != value) ++row;
  return table[row].name;
}

/// Throws Error naming the option and listing the names.
template <typename Enum, size_t n>
Enum from_name(const Name<Enum> (&table)[n], std::string_view option, std::string_view name) {
  std::vector<std::string_view> known;
  for (const Name<Enum>& row : table) {
    if (row.name == name) return row.value;
    known.push_back(row.name);
  }
  refuse_name(option, name, known);
}

}  // namespace orrery
