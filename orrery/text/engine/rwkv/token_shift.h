// What every layer of RWKV does first: looks at the token before.
#pragma once

#include <span>
#include <vector>

#include "orrery/text/engine/layers.h"

namespace orrery::text::rwkv {

/// One interpolation: out = x + (x of the token before - x) ⊙ share.
struct Mix {
  std::span<const float> share;  ///< [hidden_size]: how much of the token before
  float* out = nullptr;          ///< [rows, hidden_size]
};

/// x = norm(hidden), mixed with the x of the token before, whose last row a sequence remembers.
class TokenShift {
 public:
  TokenShift(const DecoderSpec& spec, const LayerRuntime& runtime);

  /// Each segment's state has `hidden_size` floats at byte `offset`, which are read, then replaced.
  void run(const Batch& batch, const float* hidden, const Norm& norm, int64_t offset, std::span<const Mix> mixes);

 private:
  const LayerRuntime runtime_;
  const int64_t size_;
  Buffer normed_;  // [threads, 2, hidden_size]
  Buffer last_;    // [segments, hidden_size]
};

}  // namespace orrery::text::rwkv
