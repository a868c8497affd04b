// Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace orrery {

enum class ProgressStyle {
  kAuto,   ///< a bar where standard error is a terminal, lines elsewhere
  kBar,    ///< one line, redrawn at most ten times a second, erased at the end
  kLines,  ///< a line every five seconds, and one at the end where there was one before it
  kNone,   ///< nothing: --quiet, --json
};

struct ProgressOptions {
  std::string title;       ///< what is being done: "loading smollm2"
  int64_t total = 0;       ///< units of the whole; 0 where it is not known
  std::string unit = "B";  ///< "tokens", "tensors", …; "B" is shown in MB and GB
  std::string note;        ///< what stands behind the rest: "loss 1.23"
  ProgressStyle style = ProgressStyle::kAuto;
};

/// Reports one piece of work on standard error. Work that ends within 0.3 s shows nothing. All members are safe from
/// many threads; update() costs a few nanoseconds when nothing is drawn.
class Progress {
 public:
  explicit Progress(ProgressOptions options);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  ///< as finish()

  void update(int64_t done);
  void update(int64_t done, int64_t total);
  /// From one thread at a time.
  void note(std::string text);
  /// Ends the report: the bar is erased, so that what the program prints next starts on a clean line.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The line that a bar shows after `seconds`, at most `width` columns: title, bar, percent, amount, rate, time left.
/// `fancy` draws with box characters (UTF-8), else ASCII. Width 0 leaves the bar itself out, as for plain lines.
std::string progress_text(const ProgressOptions& options, int64_t done, double seconds, int width, bool fancy);

/// "41 s", "2:05", "1:02:30".
std::string duration_text(double seconds);
/// "512 B", "92.1 MB", "1.40 GB": powers of ten, three digits.
std::string bytes_text(double bytes);

/// Erases the bar that is on the terminal now, if any; it comes back with the next update. For whoever writes to
/// standard error.
void erase_progress_bar();

}  // namespace orrery
