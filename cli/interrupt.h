// Ctrl-C that tidies up.
#pragma once

#include <functional>
#include <memory>

namespace orrery::cli {

/// Ends a command whose work was interrupted: main returns 128 + signal, as shells expect, once everything has been
/// tidied up.
struct Interrupted {
  int signal;
};

/// While it lives, signals no longer end the program but run `action` (once, on a thread of its own). One may live at a
/// time.
class InterruptScope {
 public:
  enum class Watch {
    kAllSignals,  ///< SIGINT, SIGTERM, SIGHUP; a second one ends the program: the way out where tidying hangs
    kCtrlC,       ///< SIGINT alone, however often
  };

  explicit InterruptScope(std::function<void()> action = {}, Watch watch = Watch::kAllSignals);
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
  ~InterruptScope();

  int signal() const;  ///< the one that came; 0 so far
  /// Throws Interrupted after a signal: for the progress callbacks of long work.
  void check() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery::cli
