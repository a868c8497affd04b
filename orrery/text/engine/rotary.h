// Cosines and sines of the rotary embedding, for the rows of a step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "orrery/text/decoder_spec.h"

namespace orrery::text {

/// inv_freq[i], i < dim/2, with the spec's scaling applied: linear (Chen et al. 2023), YaRN (Peng et al. 2023,
/// sec. 3.4, with the original code's rounding of the correction range), Llama 3.1's, or a divisor per frequency.
/// float32, as the originals have it.
std::vector<float> rope_frequencies(const RopeSpec& spec);

/// cos and sin of a batch's rows, times the attention factor; angles are float32 products as in the originals.
class Rotary {
 public:
  explicit Rotary(const RopeSpec& spec);
  /// The angles of `positions`, one per row.
  void begin(std::span<const int64_t> positions);
  /// [dim/2] of a row.
  std::span<const float> cos(int64_t row) const { return {table_.data() + 2 * pairs() * row, size()}; }
  std::span<const float> sin(int64_t row) const { return {table_.data() + 2 * pairs() * row + pairs(), size()}; }
  bool none() const { return frequencies_.empty(); }

 private:
  size_t size() const { return frequencies_.size(); }
  int64_t pairs() const { return static_cast<int64_t>(size()); }
  std::vector<float> frequencies_, table_;
  float attention_factor_;
};

}  // namespace orrery::text
