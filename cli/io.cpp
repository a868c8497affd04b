#include "cli/io.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/base/progress.h"

namespace orrery::cli {
namespace {

using nlohmann::ordered_json;

// Returns errno, 0 when all was written.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

// Members and elements on lines of their own, but a list of plain values on one. Bytes that are no UTF-8 (pieces of
// tokens) become U+FFFD: JSON cannot hold them.
std::string indented(const ordered_json& value, size_t depth) {
  if (!value.is_structured() || value.empty() ||
      (value.is_array() &&
       std::ranges::none_of(value, [](const ordered_json& element) { return element.is_structured(); })))
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  const std::string indent(2 * depth + 2, ' ');
  std::string text;
  for (const auto& [key, element] : value.items()) {
    text += (text.empty() ? "\n" : ",\n") + indent;
    if (value.is_object())
      text += ordered_json(key).dump(-1, ' ', false, ordered_json::error_handler_t::replace) + ": ";
    text += indented(element, depth + 1);
  }
  text += "\n" + indent.substr(2);
  return value.is_object() ? "{" + text + "}" : "[" + text + "]";
}

std::string read_to_end(int descriptor, const std::string& name) {
  std::string text;
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Error({.doing = "read", .where = name, .found = std::strerror(errno)});
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace

void prepare_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  // open() takes the lowest free number, so a closed stream gets /dev/null. Read-only: writing to it still fails, and
  // is reported.
  for (int descriptor = ::open("/dev/null", O_RDONLY); descriptor >= 0; descriptor = ::open("/dev/null", O_RDONLY)) {
    if (descriptor <= STDERR_FILENO) continue;
    ::close(descriptor);
    break;
  }
}

void print(std::string_view text) {
  const int problem = write_all(STDOUT_FILENO, text);
  if (problem == EPIPE) throw OutputClosed{};
  if (problem != 0) throw Error({.doing = "write to standard output", .found = std::strerror(problem)});
}

void print_json(const ordered_json& document) { print(indented(document, 0) + "\n"); }

void print_error(std::string_view text) {
  erase_progress_bar();
  write_all(STDERR_FILENO, text);
}

bool input_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }
bool output_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool output_has_colour() {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return output_is_terminal() && (no_colour == nullptr || *no_colour == '\0') && terminal != nullptr &&
         std::strcmp(terminal, "dumb") != 0;
}

std::string read_standard_input() { return read_to_end(STDIN_FILENO, "standard input"); }

std::string read_text_or_standard_input(const std::string& path) {
  if (path == "-") return read_standard_input();
  std::error_code failed;
  if (!std::filesystem::is_fifo(path, failed)) return read_text(path);
  std::ifstream pipe(path, std::ios::binary);  // <(command)
  return {std::istreambuf_iterator<char>(pipe), {}};
}

ordered_json parse_json(std::string_view text, const std::string& name) {
  try {
    return ordered_json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: …": what follows the bracket is for people.
    const std::string_view message = error.what();
    const size_t start = message.find("] ");
    throw Error({.doing = "read JSON",
                 .where = name,
                 .found = std::string(start == message.npos ? message : message.substr(start + 2))});
  }
}

}  // namespace orrery::cli
