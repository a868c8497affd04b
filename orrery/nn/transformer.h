// Transformer layers (Vaswani et al. 2017) in every variant that a DecoderSpec can say.
#pragma once

#include <optional>
#include <vector>

#include "orrery/nn/blocks.h"
#include "orrery/nn/normed_input.h"
#include "orrery/nn/rotary.h"

namespace orrery::nn {

/// Grouped-query attention (Ainslie et al. 2023).
struct Attention {
  Linear q, k, v, o;
  Linear qkv;  ///< in their place where the spec interleaves them
  std::optional<Norm> q_norm, k_norm;
  AdaptionPrompt prompt;
  int64_t window = 0;

  at::Tensor operator()(const NormedInput& x, const text::DecoderSpec& spec, const RotaryAngles& angles,
                        const PackedRows& rows) const;
};

/// down(act(gate(x)) ⊙ up(x)) (Shazeer 2020), or down(act(up(x))) where gate is undefined.
struct FeedForward {
  Linear gate, up, down;
  at::Tensor operator()(const NormedInput& x, text::Activation activation) const;

 private:
  at::Tensor silu_gated(const at::Tensor& gated, const at::Tensor& raised) const;
};

/// Σ over the chosen experts of softmax(chosen scores)·expert(x) (Jiang et al. 2024, "Mixtral of Experts", eq. 1 and
/// 2). Each expert computes the tokens that chose it, and no other.
struct Mixture {
  Linear router;
  std::vector<FeedForward> experts;
  at::Tensor operator()(const at::Tensor& x, const text::DecoderSpec& spec) const;
};

class Transformer final : public Blocks {
 public:
  Transformer(const text::DecoderSpec& spec, const Parameters& parameters);
  void begin(const PackedRows& rows) override;
  at::Tensor run(int64_t layer, const at::Tensor& x, const PackedRows& rows) override;

 private:
  struct Layer {
    Norm attention_norm, mlp_norm;
    std::optional<Norm> attention_out_norm, mlp_out_norm;
    Attention attention;
    std::optional<FeedForward> mlp;
    std::optional<Mixture> mixture;
  };

  const text::DecoderSpec& spec_;
  std::vector<Layer> layers_;
  std::optional<RotaryAngles> angles_, local_angles_;
};

}  // namespace orrery::nn
