// Options of a command, declared from a table of settings (orrery/train/field.h).
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "cli/settings/texts.h"
#include "orrery/train/field.h"

namespace orrery::cli {

inline std::string option_name(const train::Field& field) {
  std::string name = field.name;
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

/// Settings that were typed, by name, as texts.
using GivenSettings = std::map<std::string, std::vector<std::string>>;

/// Declares one option for each setting; what is given is checked, and kept as text. A visitor of a table of settings.
class DeclareSettings {
 public:
  /// `note` is added to a setting's help. `given` outlives the command.
  DeclareSettings(CLI::App& command, GivenSettings& given, std::string (*note)(const train::Field&) = nullptr)
      : command_(command), given_(given), note_(note) {}

  void operator()(const train::Field& field, const bool& value) const {
    const std::string name = option_name(field), no = "!--no-" + name.substr(2);
    command_
        .add_flag_function(
            fmt::format("{},{}", name, no),
            [&given = given_, key = std::string(field.name)](int64_t count) {
              given[key] = {count > 0 ? "true" : "false"};
            },
            help(field) + (value ? "; this is the default" : ""))
        ->group(field.group);
  }
  template <class T>
  void operator()(const train::Field& field, const T& value) const {
    add<T>(field, text_of(value))->option_text(kind<T>(false));
  }
  template <class T>
  void operator()(const train::Field& field, const std::vector<T>& value) const {
    add<std::vector<T>>(field, text_of(value))->option_text(kind<T>(true));
  }
  template <class E, size_t n>
  void operator()(const train::Field& field, const E& value, const Name<E> (&names)[n]) const {
    add<E>(field, text_of(value, names), names)->option_text("NAME");
  }
  template <class E, size_t n>
  void operator()(const train::Field& field, const std::vector<E>& value, const Name<E> (&names)[n]) const {
    add<std::vector<E>>(field, text_of(value, names), names)->option_text("NAME,…");
  }

 private:
  template <class T>
  static std::string kind(bool list) {
    const char* one = std::is_same_v<T, std::string> ? "TEXT" : std::is_floating_point_v<T> ? "NUMBER" : "N";
    return list ? std::string(one) + ",…" : one;
  }

  std::string help(const train::Field& field) const { return field.help + (note_ ? note_(field) : std::string()); }

  template <class T, class... Names>
  CLI::Option* add(const train::Field& field, const std::string& fallback, const Names&... names) const {
    CLI::Option* option = command_.add_option(
        option_name(field),
        [&given = given_, key = std::string(field.name), &names...](const CLI::results_t& values) {
          T value{};
          from_texts(values, key, value, names...);  // throws what is wrong
          given[key] = values;
          return true;
        },
        help(field) + with_choices(names...));
    option->group(field.group)->default_str(field.fallback ? field.fallback : fallback)->expected(1);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if (std::string_view(field.name) == "export") option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    return option;
  }

  static std::string with_choices() { return ""; }
  template <class E, size_t n>
  static std::string with_choices(const Name<E> (&names)[n]) {
    std::vector<std::string_view> shown;
    for (const Name<E>& row : names)
      if (name_of(names, row.value) == row.name) shown.push_back(row.name);
    return fmt::format(": {}", fmt::join(shown, ", "));
  }

  CLI::App& command_;
  GivenSettings& given_;
  std::string (*const note_)(const train::Field&);
};

}  // namespace orrery::cli
