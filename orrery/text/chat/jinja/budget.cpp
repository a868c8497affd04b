#include "orrery/text/chat/jinja/budget.h"

#include <limits>

#include "orrery/text/chat/jinja/failure.h"

namespace orrery::text::jinja {
namespace {

constexpr int64_t kLiveTexts = 4;  // all that lives at once may take as much as so many texts of the largest size
constexpr int kLevelsPerDepth = 5;

// Objects may die on another thread than the one that made them (constants of a template); a budget therefore compares
// with the count at its own start and never with zero.
thread_local int64_t live_bytes = 0;
thread_local Budget* innermost = nullptr;

}  // namespace

Budget::Budget(const ChatTemplate::Limits& limits)
    : steps_(limits.steps),
      output_bytes_(limits.output_bytes),
      live_limit_(live_bytes + kLiveTexts * limits.output_bytes + (1 << 20)),
      depth_(limits.depth),
      outer_(innermost) {
  innermost = this;
}

Budget::~Budget() { innermost = outer_; }

Budget& Budget::current() {
  if (innermost != nullptr) return *innermost;
  constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max() / 16;
  thread_local Budget unlimited{ChatTemplate::Limits{.steps = kUnlimited, .output_bytes = kUnlimited}};
  innermost = nullptr;  // the constructor put itself there
  return unlimited;
}

void Budget::enter() {
  if (nesting_ + 1 > kLevelsPerDepth * depth_) throw Failure("calls and expressions nested too deeply");
  ++nesting_;
}

void Budget::memory(int64_t bytes) {
  if (live_bytes + bytes > live_limit_) throw Failure("more memory in use than a chat template may have");
}

void Budget::exhausted() const { throw Failure("more steps than a chat template may take"); }

void Budget::too_long() const {
  throw Failure("a text of more than " + std::to_string(output_bytes_) + " bytes, the most a chat template may make");
}

void Footprint::grow(int64_t bytes) {
  Budget::current().memory(bytes);
  bytes_ += bytes;
  live_bytes += bytes;
}

Footprint::~Footprint() { live_bytes -= bytes_; }

}  // namespace orrery::text::jinja
