#include <algorithm>
#include <cmath>

#include "orrery/text/sampling/history.h"

namespace orrery::text {

namespace {

constexpr size_t kMaxTail = 20;  // tokens of a breaker after its first, as in llama.cpp: keeps the scan linear

}  // namespace

Dry::Dry(const Options& options, const std::vector<std::string>& breakers, const Tokenizer& tokenizer)
    : options_(options), active_(options.multiplier != 0 && options.last_n != 0), window_(options.last_n) {
  if (!active_) return;
  for (const auto& breaker : breakers) add_breaker(breaker, tokenizer);
}

// A breaker may be split between tokens anywhere. Every token that holds it whole, or ends with a beginning of it, is a
// head; the rest of the breaker, as the tokenizer writes it, is what must follow.
void Dry::add_breaker(const std::string& breaker, const Tokenizer& tokenizer) {
  std::vector<std::vector<TokenId>> tail_after(breaker.size());  // tail_after[n]: tokens of all but the first n bytes
  for (TokenId id = 0; id < tokenizer.size(); ++id) {
    const std::string_view bytes = tokenizer.bytes(id, /*keep_special=*/true);
    if (bytes.find(breaker) != bytes.npos) {
      breakers_[id].emplace_back();
      continue;
    }
    for (size_t n = std::min(bytes.size(), breaker.size() - 1); n > 0; --n) {
      if (!bytes.ends_with(std::string_view(breaker).substr(0, n))) continue;
      auto& tail = tail_after[n];
      if (tail.empty()) tail = tokenizer.encode(breaker.substr(n), {.add_special = false, .parse_special = false});
      if (tail.size() > kMaxTail) tail.resize(kMaxTail);
      auto& tails = breakers_[id];
      if (std::find(tails.begin(), tails.end(), tail) == tails.end()) tails.push_back(tail);
    }
  }
}

void Dry::accept(TokenId token) {
  if (active_) window_.push(token);
}

// The number of tokens since the latest breaker.
int32_t Dry::longest_allowed_repeat() const {
  const auto tokens = window_.tokens();
  for (size_t i = 0; i < tokens.size(); ++i) {  // i tokens follow the head
    const size_t head = tokens.size() - 1 - i;
    const auto found = breakers_.find(tokens[head]);
    if (found == breakers_.end()) continue;
    int32_t longest = -1;
    for (const auto& tail : found->second)
      if (tail.size() <= i && std::equal(tail.begin(), tail.end(), tokens.begin() + head + 1))
        longest = std::max(longest, int32_t(tail.size()));
    if (longest >= 0) return int32_t(i) - longest;
  }
  return int32_t(tokens.size());
}

// repeat_[k]: how many tokens before position size-k equal the last tokens of the window: the Z-function of the
// reversed window (Gusfield 1997, sec. 1.4).
void Dry::measure_repeats() {
  const auto tokens = window_.tokens();
  const int32_t n = int32_t(tokens.size());
  const auto reversed = [&](int32_t i) { return tokens[n - 1 - i]; };
  repeat_.assign(n, 0);
  for (int32_t k = 1, left = 0, right = 0; k < n; ++k) {
    int32_t z = k < right ? std::min(right - k, repeat_[k - left]) : 0;
    while (k + z < n && reversed(z) == reversed(k + z)) ++z;
    repeat_[k] = z;
    if (k + z > right) left = k, right = k + z;
  }
}

void Dry::apply(EditedLogits& logits) {
  if (!active_) return;
  const auto tokens = window_.tokens();
  const int32_t n = int32_t(tokens.size());
  if (n <= options_.allowed_length) return;
  const int32_t limit = longest_allowed_repeat();
  if (limit < options_.allowed_length) return;
  measure_repeats();

  // The token after a repeat would make it longer; it pays for the longest.
  const auto continuation = [&](int32_t k) { return tokens[n - k]; };
  for (int32_t k = 1; k < n; ++k) {
    const int32_t repeat = std::min(repeat_[k], limit);
    if (repeat < options_.allowed_length) continue;
    const TokenId token = continuation(k);
    if (size_t(token) >= max_repeat_.size()) max_repeat_.resize(token + 1);
    max_repeat_[token] = std::max(max_repeat_[token], repeat + 1);  // + 1: zero stands for none
  }
  const float max_exponent = options_.base > 1.000001f ? std::floor(88.7228391f / std::log(options_.base)) : 0;
  for (int32_t k = 1; k < n; ++k) {
    const TokenId token = continuation(k);
    if (size_t(token) >= max_repeat_.size() || max_repeat_[token] == 0) continue;
    const float exponent = float(max_repeat_[token] - 1 - options_.allowed_length);
    max_repeat_[token] = 0;
    const auto breaker = breakers_.find(token);
    const bool breaks = breaker != breakers_.end() && std::any_of(breaker->second.begin(), breaker->second.end(),
                                                                  [](const auto& tail) { return tail.empty(); });
    if (breaks || size_t(token) >= logits.size()) continue;
    // base^exponent stays below the largest float
    const float power = std::pow(options_.base, max_exponent > 0 ? std::min(exponent, max_exponent) : exponent);
    logits.set(token, logits.get(token) - options_.multiplier * power);
  }
}

}  // namespace orrery::text
