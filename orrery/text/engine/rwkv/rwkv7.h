// RWKV-7's time mixing.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "orrery/text/engine/rwkv/time_mix.h"

namespace orrery::text::rwkv {

/// Peng et al. 2025, sec. 4: a delta rule with a decay and a learning rate per channel, both of low rank in the token,
/// as are the gate and how much of the first layer's value a layer takes. State: a matrix [value, key] per head.
class Rwkv7 : public TimeMix {
 public:
  Rwkv7(const DecoderSpec& spec, const LayerRuntime& runtime);
  void load(WeightLoader& loader, int64_t layer, const std::string& prefix) override;
  void reset(std::span<float> state) const override { std::ranges::fill(state, 0.0f); }
  std::span<const Mix> mixes(int64_t layer) override;
  void run(int64_t layer, const Batch& batch, int64_t offset, float* hidden, const ReadAhead& ahead) override;
  ReadAhead first_weights(int64_t layer) const override { return weights_[layer].receptance.ahead(); }

 private:
  /// up(act(down(x))) + bias.
  struct LowRank {
    Projection down, up;
  };
  struct Weights {
    std::array<std::vector<float>, 6> shares;  // r, w, k, v, a, g
    std::vector<float> k_k, k_a, r_k, norm_weight, norm_bias;
    Projection receptance, key, value, output;
    LowRank decay, rate, residual, gate;
  };
  void activate_ranks(int64_t rows);
  void recur(int64_t layer, const Batch& batch, int64_t offset);
  void before(const Weights& weights, int64_t layer, int64_t row, int64_t first) const;
  void after(const Weights& weights, int64_t layer, int64_t row, int64_t first) const;

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const int64_t size_;
  std::vector<Weights> weights_;
  Buffer memory_;
  std::array<float*, 6> x_;                                    // [rows, size], r, w, k, v, a, g
  float *r_, *w_, *k_, *v_, *a_, *g_;                          // [rows, size]: what the maps make of them
  float *residual_, *first_v_, *b_, *y_;                       // the same
  float *decay_rank_, *rate_rank_, *value_rank_, *gate_rank_;  // [rows, rank]
  std::array<Mix, 6> mixes_;
};

}  // namespace orrery::text::rwkv
