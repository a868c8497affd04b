#include "orrery/serve/api/line_limits.h"

#include <utility>

namespace orrery::serve {

std::string LineLimits::push(std::string_view text, double seconds) {
  if (indent_ == 0 && seconds_ == 0) return std::string(text);
  std::string shown;
  for (char c : text) {
    if (reached_) break;
    if (c == '\n') {
      reached_ = seconds_ > 0 && seconds > seconds_;
      held_ += c;
      blanks_ = 0;
    } else if (blanks_ >= 0 && (c == ' ' || c == '\t')) {
      held_ += c;
      ++blanks_;
    } else if (blanks_ >= 0 && blanks_ < indent_) {
      reached_ = true;
    } else {
      shown += std::exchange(held_, "");
      shown += c;
      blanks_ = -1;
    }
  }
  return shown;
}

std::string LineLimits::finish() { return reached_ ? "" : std::exchange(held_, ""); }

}  // namespace orrery::serve
