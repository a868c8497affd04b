// What was typed wrongly, in one line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace orrery::cli {

/// Which command, what is wrong with its arguments, and where help is; a misspelt command or option is told what it
/// resembles.
std::string usage_problem(const CLI::App& app, const CLI::Error& error, int argc, char** argv);

/// prefix + message without line breaks + a line end.
std::string one_line(std::string_view prefix, std::string_view message);

/// The candidate that is at most two edits away from the word, the nearest first; empty where there is none.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace orrery::cli
