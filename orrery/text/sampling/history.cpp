#include "orrery/text/sampling/history.h"

#include <algorithm>
#include <cmath>

namespace orrery::text {

TokenWindow::TokenWindow(int32_t limit) : limit_(limit) {
  if (limit > 0) memory_.reserve(2 * std::min<int64_t>(limit, 4096));
}

void TokenWindow::push(TokenId token) {
  if (limit_ == 0) return;
  if (limit_ > 0 && memory_.size() == 2 * size_t(limit_)) {
    memory_.erase(memory_.begin(), memory_.begin() + limit_);
    begin_ = 0;
  }
  memory_.push_back(token);
  if (limit_ > 0 && memory_.size() - begin_ > size_t(limit_)) begin_ = memory_.size() - limit_;
}

std::span<const TokenId> TokenWindow::tokens() const { return std::span(memory_).subspan(begin_); }

void EditedLogits::start(std::span<float> logits) {
  logits_ = logits;
  originals_.clear();
}

void EditedLogits::set(TokenId token, float value) {
  originals_.emplace_back(token, logits_[token]);
  logits_[token] = value;
}

float EditedLogits::original(TokenId token) const {
  for (const auto& [id, value] : originals_)
    if (id == token) return value;
  return logits_[token];
}

Penalties::Penalties(int32_t last_n, float repeat, float frequency, float presence)
    : window_(last_n),
      repeat_(repeat),
      frequency_(frequency),
      presence_(presence),
      active_(last_n != 0 && (repeat != 1 || frequency != 0 || presence != 0)) {}

void Penalties::accept(TokenId token) {
  if (!active_) return;
  if (size_t(token) >= count_.size()) count_.resize(token + 1);
  if (window_.full()) --count_[window_.tokens().front()];
  window_.push(token);
  ++count_[token];
}

void Penalties::apply(EditedLogits& logits) {
  if (!active_) return;
  for (TokenId token : window_.tokens()) {
    int32_t& count = count_[token];
    if (count < 0 || size_t(token) >= logits.size()) continue;
    const float logit = logits.get(token);
    const float repeated = logit <= 0 ? logit * repeat_ : logit / repeat_;
    logits.set(token, repeated - (float(count) * frequency_ + presence_));
    count = -count;
  }
  for (TokenId token : window_.tokens()) count_[token] = std::abs(count_[token]);
}

}  // namespace orrery::text
