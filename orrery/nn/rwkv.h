// RWKV 4, 5.2 and 7 (Peng et al. 2023, 2024, 2025) as they are trained: whole rows from a fresh state. The readable
// truth: a step of the recurrence is a few tensor operations.
#pragma once

#include <vector>

#include "orrery/nn/blocks.h"

namespace orrery::nn {

/// Time mixing's weights; each version has its own share of them.
struct TimeMix {
  at::Tensor mix_r, mix_k, mix_v, mix_g, mix_w, mix_a;
  Linear receptance, key, value, gate, output;
  at::Tensor decay, bonus;   // 4 and 5.2
  at::Tensor k_k, k_a, r_k;  // 7, as are the maps of low rank:
  Linear decay_down, decay_up, rate_down, rate_up, residual_down, residual_up, gate_down, gate_up;
  at::Tensor head_norm_weight, head_norm_bias;  // 5.2 and 7
};

struct ChannelMix {
  at::Tensor mix_k, mix_r;
  Linear key, receptance, value;
};

class Rwkv final : public Blocks {
 public:
  Rwkv(const text::DecoderSpec& spec, const Parameters& parameters);
  at::Tensor run(int64_t layer, const at::Tensor& x, const PackedRows& rows) override;

 private:
  struct Layer {
    Norm time_norm, channel_norm;
    TimeMix time;
    ChannelMix channel;
  };

  at::Tensor mixed(const at::Tensor& x, const at::Tensor& before, const at::Tensor& share) const;
  at::Tensor head_norm(const TimeMix& time, const at::Tensor& y) const;
  at::Tensor time_mix4(const TimeMix& time, const at::Tensor& x, const PackedRows& rows) const;
  at::Tensor time_mix5(const TimeMix& time, const at::Tensor& x, const PackedRows& rows) const;
  at::Tensor time_mix7(const TimeMix& time, const at::Tensor& x, const PackedRows& rows, bool first);
  at::Tensor channel_mix(const ChannelMix& channel, const at::Tensor& x, const PackedRows& rows) const;

  const text::DecoderSpec& spec_;
  Norm embed_norm_;
  std::vector<Layer> layers_;
  at::Tensor first_value_;  // RWKV-7: of the first layer, which later ones mix in
};

}  // namespace orrery::nn
