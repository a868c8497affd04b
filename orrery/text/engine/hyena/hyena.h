// Hyena's decoder (Poli et al. 2023, "Hyena Hierarchy"): a Transformer's blocks with the Hyena operator where attention
// was.
#pragma once

#include <vector>

#include "orrery/text/engine/hyena/operator.h"
#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/transformer/feed_forward.h"

namespace orrery::text {

/// A prompt of n tokens takes O(n log² n), a token of the answer O(log² n) on average, and 4 · hidden_size · (order -
/// 1) bytes of state a layer. Filters and state are as long as the runtime's context.
class Hyena : public Layers {
 public:
  Hyena(WeightLoader& loader, const LayerRuntime& runtime);
  /// What saved_state_bytes() is in a model of this spec.
  static int64_t state_bytes(const DecoderSpec& spec, int64_t tokens);
  void begin(const Batch&) override {}
  void run(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead) override;
  ReadAhead first_weights(int64_t layer) const override { return blocks_[layer].in.ahead(); }
  int64_t state_bytes() const override { return state_bytes(spec_, runtime_.context); }
  int64_t saved_state_bytes(int64_t tokens) const override { return state_bytes(spec_, tokens); }
  void restore_state(std::byte* state, int64_t tokens) override;

 private:
  struct Block {
    Norm mixer_norm, mlp_norm;
    Projection in, out;
    HyenaOperator mixer;
  };
  // The short filters' inputs of all layers, then pages of all layers.
  HyenaOperator::Memory memory_of(std::byte* state, int64_t layer) const;
  void mix(int64_t layer, const Batch& batch);
  float* scratch(int thread) const { return scratch_.as<float>() + thread * scratch_floats_; }

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const int64_t inputs_;  // of the operator
  std::vector<Block> blocks_;
  FeedForward mlp_;
  int64_t scratch_floats_;
  Buffer scratch_;         // per thread
  Buffer inputs_memory_;   // [max_tokens, inputs_]
  Buffer outputs_memory_;  // [max_tokens, hidden_size]
};

}  // namespace orrery::text
