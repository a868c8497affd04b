// RWKV's feed-forward network.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "orrery/text/engine/rwkv/token_shift.h"

namespace orrery::text::rwkv {

/// value(relu(key(x_k))²), up to version 6 times sigmoid(receptance(x_r)) (Peng et al. 2023, eq. 14 to 18; 2025, eq.
/// 22).
class ChannelMix {
 public:
  ChannelMix(const DecoderSpec& spec, const LayerRuntime& runtime);
  void load(WeightLoader& loader, int64_t layer, const std::string& prefix);
  std::span<const Mix> mixes(int64_t layer);
  /// hidden += the mix, of what the mixes hold in their first rows.
  void run(int64_t layer, int64_t rows, float* hidden, const ReadAhead& ahead);
  ReadAhead first_weights(int64_t layer) const { return weights_[layer].key.ahead(); }

 private:
  struct Weights {
    std::vector<float> share_k, share_r;
    Projection key, value, receptance;
  };
  void gate(int64_t rows, float* hidden);

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const bool gated_;
  std::vector<Weights> weights_;
  Buffer memory_;
  float *x_k_, *x_r_, *key_, *receptance_, *value_;
  std::array<Mix, 2> mixes_;
};

}  // namespace orrery::text::rwkv
