// What a parse or a render may still spend. Templates are untrusted, so every evaluated node, every byte of a string
// that is made and every container is charged here, before the memory is asked for.
#pragma once

#include <cstdint>

#include "orrery/text/chat/template.h"

namespace orrery::text::jinja {

/// Makes itself the calling thread's budget until it is destroyed (budgets nest).
class Budget {
 public:
  explicit Budget(const ChatTemplate::Limits& limits);
  ~Budget();
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// The thread's innermost budget; outside of any, one that is never used up.
  static Budget& current();

  /// One node evaluated, one item looped over.
  void step(int64_t count = 1) {
    if ((steps_ -= count) < 0) exhausted();
  }
  /// Work that is linear in `bytes` of text or memory: a step for each 512.
  void work(int64_t bytes) { step(1 + bytes / 512); }
  /// The same where each byte costs more (Unicode classes, searches).
  void slow_work(int64_t bytes) { step(1 + bytes / 32); }
  /// Throws unless a text of so many bytes may be made; charges the work of making it.
  void text(int64_t bytes) {
    if (bytes > output_bytes_) too_long();
    work(bytes);
  }
  /// Throws unless so many more bytes may be alive at once.
  void memory(int64_t bytes);
  int depth() const { return depth_; }
  /// One more level of evaluation on the machine's stack (see Nesting).
  void enter();
  void leave() { --nesting_; }
  int64_t output_bytes() const { return output_bytes_; }

 private:
  [[noreturn]] void exhausted() const;
  [[noreturn]] void too_long() const;

  int64_t steps_, output_bytes_, live_limit_;
  int depth_;
  int nesting_ = 0;
  Budget* outer_;
};

/// A level of recursion while it lives. Throws past a few times the depth that a template may have: a macro that calls
/// itself passes several levels each time.
class Nesting {
 public:
  Nesting() : budget_(Budget::current()) { budget_.enter(); }
  ~Nesting() { budget_.leave(); }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Budget& budget_;
};

/// Bytes that an object keeps alive: counted while it lives.
class Footprint {
 public:
  explicit Footprint(int64_t bytes) { grow(bytes); }
  ~Footprint();
  Footprint(const Footprint&) = delete;
  Footprint& operator=(const Footprint&) = delete;
  void grow(int64_t bytes);

 private:
  int64_t bytes_ = 0;
};

}  // namespace orrery::text::jinja
