// RWKV-4's time mixing.
#pragma once

#include <array>
#include <vector>

#include "orrery/text/engine/rwkv/time_mix.h"

namespace orrery::text::rwkv {

/// output(sigmoid(receptance(x_r)) ⊙ wkv(key(x_k), value(x_v))) (Peng et al. 2023, eq. 11 to 16). State: numerator,
/// denominator and the largest exponent, each [channels].
class Rwkv4 : public TimeMix {
 public:
  Rwkv4(const DecoderSpec& spec, const LayerRuntime& runtime);
  void load(WeightLoader& loader, int64_t layer, const std::string& prefix) override;
  void reset(std::span<float> state) const override;
  std::span<const Mix> mixes(int64_t layer) override;
  void run(int64_t layer, const Batch& batch, int64_t offset, float* hidden, const ReadAhead& ahead) override;
  ReadAhead first_weights(int64_t layer) const override { return weights_[layer].receptance.ahead(); }

 private:
  struct Weights {
    std::vector<float> share_r, share_k, share_v, decay, bonus;
    Projection receptance, key, value, output;
  };
  void recur(const Weights& weights, const Batch& batch, int64_t offset);

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const int64_t channels_;
  std::vector<Weights> weights_;
  Buffer memory_;
  float *x_r_, *x_k_, *x_v_;  // [rows, hidden_size]
  float *r_, *k_, *v_, *y_;   // [rows, channels]
  std::array<Mix, 3> mixes_;
};

}  // namespace orrery::text::rwkv
