// Cosines and sines of the rotary embedding, for the rows of a step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// inv_freq[i], i < dim/2, with the spec's scaling applied: linear (Chen et al. 2023), NTK-aware (bloc97 2023: theta
/// becomes theta·s^(d/(d-2))) with a fixed s or with s = factor·length/original_context - (factor - 1) (dynamic,
/// emozilla 2023), YaRN (Peng et al. 2023, sec. 3.4, with the original code's rounding of the correction range),
/// Llama 3.1's, LongRoPE's divisors (Ding et al. 2024), the short ones up to original_context, or a divisor per
/// frequency. float32, as the originals have it. `length`: tokens of the sequence, where spec.by_length().
std::vector<float> rope_frequencies(const RopeSpec& spec, int64_t length = 0);

/// cos and sin of a batch's rows, times the attention factor; angles are float32 products as in the originals, or
/// float64 ones where positions grow without end (float32 is a tenth of a radian off at a million).
class Rotary {
 public:
  explicit Rotary(const RopeSpec& spec, bool endless = false);
  /// The angles of `positions`, one per row, in sequences of so many tokens.
  void begin(std::span<const int64_t> positions, std::span<const int64_t> lengths);
  /// [dim/2] of a row.
  std::span<const float> cos(int64_t row) const { return {table_.data() + 2 * pairs() * row, size()}; }
  std::span<const float> sin(int64_t row) const { return {table_.data() + 2 * pairs() * row + pairs(), size()}; }
  bool none() const { return frequencies_.empty(); }

 private:
  size_t size() const { return frequencies_.size(); }
  int64_t pairs() const { return static_cast<int64_t>(size()); }
  const RopeSpec spec_;
  const bool endless_;
  int64_t length_ = 0;  // that frequencies_ are for
  std::vector<float> frequencies_, table_;
};

}  // namespace orrery::text
