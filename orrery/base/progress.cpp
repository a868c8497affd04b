#include "orrery/base/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>

namespace orrery {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kSilentSeconds = 0.3;  // shorter work is not worth a flicker
constexpr double kBarSeconds = 0.1;     // between two drawings
constexpr double kLineSeconds = 5.0;

std::mutex terminal_mutex;  // guards standard error and bar_on_terminal
bool bar_on_terminal = false;

void write_error_stream(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written <= 0) return;  // nobody is left to tell
    text.remove_prefix(static_cast<size_t>(written));
  }
}

void erase_locked() {
  if (bar_on_terminal) write_error_stream("\r\x1b[K");
  bar_on_terminal = false;
}

int terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

bool locale_is_utf8() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
  }
  return false;
}

// Code points: what the titles and units we use have as columns.
int columns(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string count_text(double count) {
  if (count < 1e4) return fmt::format("{:.{}f}", count, count < 10 && count != std::floor(count) ? 1 : 0);
  if (count < 1e6) return fmt::format("{:.1f} k", count / 1e3);
  return fmt::format("{:.2f} M", count / 1e6);
}

std::string bar(double share, int width, bool fancy) {
  const int filled = static_cast<int>(std::lround(share * width));
  std::string text;
  for (int i = 0; i < width; ++i) text += i < filled ? (fancy ? "━" : "#") : (fancy ? "─" : ".");
  return text;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(std::max(seconds, 0.0)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string bytes_text(double bytes) {
  constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < std::size(kUnits)) bytes /= 1000, ++unit;
  const int digits = unit == 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
  return fmt::format("{:.{}f} {}", bytes, digits, kUnits[unit]);
}

std::string progress_text(const ProgressOptions& options, int64_t done, double seconds, int width, bool fancy) {
  const bool is_bytes = options.unit == "B";
  const auto amount = [&](double value) { return is_bytes ? bytes_text(value) : count_text(value); };
  const std::string unit = is_bytes ? "" : " " + options.unit;
  const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
  const double share = options.total > 0 ? std::clamp(static_cast<double>(done) / options.total, 0.0, 1.0) : 0;

  std::string facts;
  if (options.total > 0)
    facts += fmt::format("{:3.0f} %  {} of {}{}", std::floor(100 * share), amount(done), amount(options.total), unit);
  else
    facts += amount(done) + unit;
  if (rate > 0) facts += fmt::format("  {}{}/s", amount(rate), is_bytes ? "" : " ");
  if (rate > 0 && options.total > done) facts += fmt::format("  {} left", duration_text((options.total - done) / rate));
  if (!options.note.empty()) facts += "  " + options.note;

  if (width == 0) return options.title + ": " + facts.substr(std::min(facts.find_first_not_of(' '), facts.size()));
  const int bar_width = std::min(width - columns(options.title) - columns(facts) - 4, 40);
  if (options.total > 0 && bar_width >= 8)
    return fmt::format("{}  {}  {}", options.title, bar(share, bar_width, fancy), facts);
  std::string line = options.title + "  " + facts;
  while (columns(line) > width) {
    while ((line.back() & 0xC0) == 0x80) line.pop_back();
    line.pop_back();
  }
  return line;
}

void erase_progress_bar() {
  const std::lock_guard lock(terminal_mutex);
  erase_locked();
}

struct Progress::Impl {
  ProgressOptions options;
  bool fancy = locale_is_utf8();
  Clock::time_point start = Clock::now();
  std::atomic<int64_t> done{0}, total{0};
  std::atomic<Clock::rep> next_draw{0};  // ticks since start
  std::atomic<bool> drawn{false}, finished{false};

  static Clock::rep ticks(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)).count();
  }
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start).count(); }

  void draw() {
    const std::lock_guard lock(terminal_mutex);
    ProgressOptions now = options;
    now.total = total;
    if (finished) return;
    drawn = true;
    if (options.style == ProgressStyle::kLines) {
      write_error_stream(progress_text(now, done, seconds(), 0, fancy) + "\n");
    } else {
      const std::string line = progress_text(now, done, seconds(), terminal_width() - 1, fancy);
      write_error_stream(fmt::format("\r{}\x1b[K", line));
      bar_on_terminal = true;
    }
  }
};

Progress::Progress(ProgressOptions options) : impl_(std::make_unique<Impl>()) {
  if (options.style == ProgressStyle::kAuto)
    options.style = ::isatty(STDERR_FILENO) ? ProgressStyle::kBar : ProgressStyle::kLines;
  impl_->total = options.total;
  impl_->next_draw = Impl::ticks(options.style == ProgressStyle::kLines ? kLineSeconds : kSilentSeconds);
  impl_->options = std::move(options);
}

Progress::~Progress() { finish(); }

void Progress::update(int64_t done) { update(done, impl_->total); }

void Progress::update(int64_t done, int64_t total) {
  Impl& p = *impl_;
  p.done = done;
  p.total = total;
  if (p.options.style == ProgressStyle::kNone) return;
  const Clock::rep now = (Clock::now() - p.start).count();
  Clock::rep due = p.next_draw;
  const double pause = p.options.style == ProgressStyle::kLines ? kLineSeconds : kBarSeconds;
  // Whoever moves the mark draws; all others go on with their work.
  if (now < due || !p.next_draw.compare_exchange_strong(due, now + Impl::ticks(pause))) return;
  p.draw();
}

void Progress::note(std::string text) {
  const std::lock_guard lock(terminal_mutex);
  impl_->options.note = std::move(text);
}

void Progress::finish() {
  Impl& p = *impl_;
  if (p.finished) return;
  if (p.drawn && p.options.style == ProgressStyle::kLines) p.draw();
  const std::lock_guard lock(terminal_mutex);
  p.finished = true;
  if (p.drawn && p.options.style == ProgressStyle::kBar) erase_locked();
}

}  // namespace orrery
