#include "cli/chat/message_reader.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "cli/io.h"

namespace orrery::cli {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";

std::filesystem::path history_file() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return std::filesystem::path(state) / "orrery" / "chat_history";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : ".") / ".local" / "state" / "orrery" / "chat_history";
}

}  // namespace

MessageReader::MessageReader(std::vector<std::string> commands) {
  if (input_is_terminal() && output_is_terminal()) editor_.emplace(history_file(), std::move(commands));
}

std::optional<std::string> MessageReader::read() {
  std::string message, line;
  for (;;) {
    Line got = read_line(true, message);
    if (got == Line::kEnd) return std::nullopt;
    if (got == Line::kText && message.starts_with(kQuotes)) {
      message.erase(0, kQuotes.size());
      while (got == Line::kText && !message.ends_with(kQuotes)) {
        got = read_line(false, line);
        if (got == Line::kText) message += '\n' + line;
      }
      if (message.ends_with(kQuotes)) message.resize(message.size() - kQuotes.size());
    }
    if (got == Line::kGivenUp || message.find_first_not_of(" \t\r\n") == message.npos) continue;
    if (editor_) editor_->remember(message);
    return message;
  }
}

MessageReader::Line MessageReader::read_line(bool first, std::string& line) {
  if (!editor_) return read_piped_line(line);
  const bool colour = output_has_colour();
  switch (editor_->read(!first ? ". " : colour ? "\1\x1b[1;32m\1>\1\x1b[0m\1 " : "> ", line)) {
    case LineEditor::Event::kLine:
      return Line::kText;
    case LineEditor::Event::kEnd:
      return Line::kEnd;
    case LineEditor::Event::kInterrupted:
      break;
  }
  if (!std::exchange(hinted_, true)) print("(Ctrl-D or /quit leaves)\n");
  return Line::kGivenUp;
}

MessageReader::Line MessageReader::read_piped_line(std::string& line) {
  for (;;) {
    if (const size_t end = buffered_.find('\n'); end != buffered_.npos) {
      line = buffered_.substr(0, end);
      buffered_.erase(0, end + 1);
      return Line::kText;
    }
    char bytes[4096];
    const ssize_t got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got > 0) {
      buffered_.append(bytes, static_cast<size_t>(got));
      continue;
    }
    if (buffered_.empty()) return Line::kEnd;
    line = std::exchange(buffered_, {});
    return Line::kText;
  }
}

}  // namespace orrery::cli
