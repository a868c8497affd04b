// RWKV-5.2's time mixing.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "orrery/text/engine/rwkv/time_mix.h"

namespace orrery::text::rwkv {

/// output(silu(gate(x_g)) ⊙ norm(wkv(receptance(x_r), key(x_k), value(x_v)))), head by head (Peng et al. 2024,
/// sec. 4.1). State: a matrix [key, value] per head.
class Rwkv5 : public TimeMix {
 public:
  Rwkv5(const DecoderSpec& spec, const LayerRuntime& runtime);
  void load(WeightLoader& loader, int64_t layer, const std::string& prefix) override;
  void reset(std::span<float> state) const override { std::ranges::fill(state, 0.0f); }
  std::span<const Mix> mixes(int64_t layer) override;
  void run(int64_t layer, const Batch& batch, int64_t offset, float* hidden, const ReadAhead& ahead) override;
  ReadAhead first_weights(int64_t layer) const override { return weights_[layer].receptance.ahead(); }

 private:
  struct Weights {
    std::vector<float> share_r, share_k, share_v, share_g, decay, bonus, norm_weight, norm_bias;
    Projection receptance, key, value, gate, output;
  };
  void recur(const Weights& weights, const Batch& batch, int64_t offset);

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const int64_t channels_;
  std::vector<Weights> weights_;
  Buffer memory_;
  float *x_r_, *x_k_, *x_v_, *x_g_;  // [rows, hidden_size]
  float *r_, *k_, *v_, *g_, *y_;     // [rows, channels]
  std::array<Mix, 4> mixes_;
};

}  // namespace orrery::text::rwkv
