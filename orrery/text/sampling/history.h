// The tokens that were said, and what the penalties make of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// The last `limit` tokens (-1: all) in one piece of memory. Amortised O(1) per token.
class TokenWindow {
 public:
  explicit TokenWindow(int32_t limit);
  void push(TokenId token);
  std::span<const TokenId> tokens() const;
  bool full() const { return limit_ >= 0 && tokens().size() == size_t(limit_); }

 private:
  int64_t limit_;
  std::vector<TokenId> memory_;
  size_t begin_ = 0;
};

/// Logits as the penalties change them; what was there before can be asked for.
class EditedLogits {
 public:
  void start(std::span<float> logits);
  size_t size() const { return logits_.size(); }
  float get(TokenId token) const { return logits_[token]; }
  void set(TokenId token, float value);
  /// The logit before the first set().
  float original(TokenId token) const;

 private:
  std::span<float> logits_;
  std::vector<std::pair<TokenId, float>> originals_;
};

/// Repetition penalty (Keskar et al. 2019, sec. 4.1, with llama.cpp's reading of negative logits: they are multiplied),
/// then OpenAI's: logit - count · frequency - (count > 0) · presence. O(window) per token.
class Penalties {
 public:
  Penalties(int32_t last_n, float repeat, float frequency, float presence);
  bool active() const { return active_; }
  void accept(TokenId token);
  void apply(EditedLogits& logits);

 private:
  TokenWindow window_;
  float repeat_, frequency_, presence_;
  bool active_;
  std::vector<int32_t> count_;  // [vocab] in the window; negative while apply() has been there
};

/// DRY, "don't repeat yourself" (p-e-w, text-generation-webui pull request 5677; llama.cpp's rules for sequence
/// breakers). O(window) per token.
class Dry {
 public:
  struct Options {
    float multiplier, base;
    int32_t allowed_length, last_n;
  };
  Dry(const Options& options, const std::vector<std::string>& breakers, const Tokenizer& tokenizer);
  bool active() const { return active_; }
  void accept(TokenId token);
  void apply(EditedLogits& logits);

 private:
  void add_breaker(const std::string& breaker, const Tokenizer& tokenizer);
  int32_t longest_allowed_repeat() const;
  void measure_repeats();

  Options options_;
  bool active_;
  TokenWindow window_;
  // Token that a breaker starts in or lies in -> the tokens that must follow; none where the token holds all of it.
  std::unordered_map<TokenId, std::vector<std::vector<TokenId>>> breakers_;
  std::vector<int32_t> repeat_;      // [window] see measure_repeats
  std::vector<int32_t> max_repeat_;  // [vocab] scratch, zero between calls
};

}  // namespace orrery::text
