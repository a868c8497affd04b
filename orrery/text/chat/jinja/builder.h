// Text under construction, held to the budget as it grows.
#pragma once

#include <string>
#include <string_view>

#include "orrery/text/chat/jinja/budget.h"

namespace orrery::text::jinja {

class TextBuilder {
 public:
  TextBuilder() : footprint_(0) {}

  void append(std::string_view piece) {
    const auto size = static_cast<int64_t>(piece.size());
    if (this->size() + size > budget_.output_bytes()) budget_.text(this->size() + size);
    if ((uncharged_ += size + kCallCost) >= kBytesPerStep) {
      budget_.step(uncharged_ / kBytesPerStep);
      uncharged_ %= kBytesPerStep;
    }
    footprint_.grow(size);
    text_ += piece;
  }
  void append(char c) { append(std::string_view(&c, 1)); }

  int64_t size() const { return static_cast<int64_t>(text_.size()); }
  std::string take() { return std::move(text_); }

 private:
  static constexpr int64_t kBytesPerStep = 512, kCallCost = 16;

  Budget& budget_ = Budget::current();
  Footprint footprint_;
  std::string text_;
  int64_t uncharged_ = 0;
};

}  // namespace orrery::text::jinja
