// Numbers in an option's value, as scene's commands have them: 0,-1,0.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace orrery::cli {

/// Throws CLI::ValidationError naming the option where the text is anything else, or a number is not finite.
template <size_t count>
std::array<double, count> numbers_of(const std::string& text, const char* option) {
  std::array<double, count> numbers{};
  const std::vector<std::string> parts = CLI::detail::split(text, ',');
  bool good = parts.size() == count;
  for (size_t i = 0; good && i < count; ++i)
    good = CLI::detail::lexical_cast(parts[i], numbers[i]) && std::isfinite(numbers[i]);
  if (!good)
    throw CLI::ValidationError(option, fmt::format("{} is not {} finite numbers with commas between", text, count));
  return numbers;
}

}  // namespace orrery::cli
