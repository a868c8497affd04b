// Stop strings in a stream of text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace orrery::text {

/// Lets text through but for what might be the beginning of a stop string, until that is decided.
class StopText {
 public:
  explicit StopText(std::vector<std::string> stops);
  /// Takes more text, returns what is safe to show. After stopped() nothing more comes out.
  std::string push(std::string_view text);
  /// The rest, when no more text will come.
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace orrery::text
