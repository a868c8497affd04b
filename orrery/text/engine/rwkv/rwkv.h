// RWKV's layers: a recurrence of constant memory in place of attention (Peng et al. 2023, sec. 3).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/rwkv/channel_mix.h"
#include "orrery/text/engine/rwkv/time_mix.h"
#include "orrery/text/engine/rwkv/token_shift.h"

namespace orrery::text {

/// Bytes that a sequence of an RWKV model needs, at any length.
int64_t rwkv_state_bytes(const DecoderSpec& spec);

/// A sequence's state is per layer: the last x of the time mixing and of the channel mixing, each [hidden_size], and
/// what the time mixing adds to (rwkv4.h, rwkv5.h, rwkv7.h). All float32.
class Rwkv : public Layers {
 public:
  Rwkv(WeightLoader& loader, const LayerRuntime& runtime);
  void begin(const Batch& batch) override;
  void run(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead) override;
  ReadAhead first_weights(int64_t layer) const override { return time_mix_->first_weights(layer); }
  int64_t state_bytes() const override { return rwkv_state_bytes(spec_); }

 private:
  struct Norms {
    Norm time_mix, channel_mix;
  };
  int64_t shift_bytes() const { return spec_.hidden_size * int64_t{sizeof(float)}; }
  int64_t layer_bytes() const { return state_bytes() / spec_.layers; }
  template <class F>
  void for_rows(int64_t rows, float* hidden, const F& f);

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  Norm embed_norm_;
  std::vector<Norms> norms_;
  rwkv::TokenShift shift_;
  std::unique_ptr<rwkv::TimeMix> time_mix_;
  rwkv::ChannelMix channel_mix_;
};

}  // namespace orrery::text
