// Cosines and sines of the rotary embedding, for the positions in use.
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

/// cos and sin [dim/2] per position, times the attention factor; angles are float32 products as in the originals. Grows
/// as positions come up. reserve() is not thread-safe, the rest is.
class RopeTable {
 public:
  explicit RopeTable(const RopeSpec& spec);
  /// Makes positions [0, end) available.
  void reserve(int64_t end);
  std::span<const float> cos(int64_t position) const {
    return {table_.data() + 2 * pairs() * position, static_cast<size_t>(pairs())};
  }
  std::span<const float> sin(int64_t position) const {
    return {table_.data() + 2 * pairs() * position + pairs(), static_cast<size_t>(pairs())};
  }

 private:
  int64_t pairs() const { return static_cast<int64_t>(frequencies_.size()); }
  std::vector<float> frequencies_, table_;
  float attention_factor_;
  int64_t positions_ = 0;
};

}  // namespace orrery::text
