// Applying a SplitBehavior to what a pattern found.
#pragma once

#include <cstddef>

#include "orrery/text/tokenizer/pre_tokenizer.h"

namespace orrery::text {

/// Takes spans that cover a text in order, each a match or what lies between matches, and passes on the parts that a
/// behaviour makes of them. Call finish() at the end.
class DelimiterSink {
 public:
  DelimiterSink(Part whole, SplitBehavior behavior, bool invert, PartSink sink)
      : whole_(whole), behavior_(behavior), invert_(invert), sink_(sink) {}

  void add(size_t begin, size_t end, bool match) {
    match ^= invert_;
    const bool previous = previous_match_;
    previous_match_ = match;
    switch (behavior_) {
      case SplitBehavior::kRemoved:
        if (!match) emit(begin, end);
        return;
      case SplitBehavior::kIsolated:
        emit(begin, end);
        return;
      case SplitBehavior::kContiguous:
        if (match != previous) flush();
        break;
      case SplitBehavior::kMergedWithPrevious:
        if (!match || previous) flush();
        break;
      case SplitBehavior::kMergedWithNext:
        // A delimiter joins what follows it, unless that is a delimiter too.
        if (match || !previous) flush();
        break;
    }
    if (!open_) begin_ = begin;
    open_ = true;
    end_ = end;
  }
  void finish() { flush(); }

 private:
  void flush() {
    if (open_) emit(begin_, end_);
    open_ = false;
  }
  void emit(size_t begin, size_t end) {
    if (begin != end) sink_({whole_.text.substr(begin, end - begin), whole_.at_start && begin == 0});
  }

  Part whole_;
  SplitBehavior behavior_;
  bool invert_;
  PartSink sink_;
  bool previous_match_ = false, open_ = false;
  size_t begin_ = 0, end_ = 0;
};

}  // namespace orrery::text
