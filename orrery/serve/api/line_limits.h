// Where the lines of a completion end it: llama.cpp's n_indent and t_max_predict_ms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::serve {

/// Lets an answer's text through, but for the end of a line while it is not clear whether another one follows.
class LineLimits {
 public:
  /// The answer ends before a line, other than its first, that begins with fewer than `indent` blanks or tabs (lines of
  /// nothing else do not count), and at the end of a line after `seconds`. 0: no such limit.
  explicit LineLimits(int64_t indent = 0, double seconds = 0) : indent_(indent), seconds_(seconds) {}

  /// More text, which came `seconds` after the first; what is safe to show of it.
  std::string push(std::string_view text, double seconds);
  /// The rest, when no more text will come.
  std::string finish();
  bool reached() const { return reached_; }

 private:
  const int64_t indent_;
  const double seconds_;
  std::string held_;     // a line's end and the blanks of the next
  int64_t blanks_ = -1;  // of a line that has nothing else yet; -1: not at a line's begin
  bool reached_ = false;
};

}  // namespace orrery::serve
