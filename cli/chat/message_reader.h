// The person's side of a conversation: messages typed at a terminal, or lines that come through a pipe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/chat/line_editor.h"

namespace orrery::cli {

class MessageReader {
 public:
  /// commands: what Tab completes.
  explicit MessageReader(std::vector<std::string> commands);

  /// The next message, never empty; nullopt at the end. One that begins with """ goes on to the line that ends with
  /// """.
  std::optional<std::string> read();
  bool interactive() const { return editor_.has_value(); }

 private:
  enum class Line { kText, kGivenUp, kEnd };
  Line read_line(bool first, std::string& line);
  Line read_piped_line(std::string& line);

  std::optional<LineEditor> editor_;
  std::string buffered_;  // of a pipe: what has been read beyond the last line
  bool hinted_ = false;
};

}  // namespace orrery::cli
