// The Transformer's decoder (Vaswani et al. 2017) as the language models of 2023 vary it.
#pragma once

#include <optional>
#include <vector>

#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/transformer/attention.h"
#include "orrery/text/engine/transformer/feed_forward.h"
#include "orrery/text/engine/transformer/mixture.h"

namespace orrery::text {

class Transformer : public Layers {
 public:
  Transformer(WeightLoader& loader, const LayerRuntime& runtime);
  void begin(const Batch& batch) override;
  void run(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead) override;
  ReadAhead first_weights(int64_t layer) const override;
  const Projection* projection(int64_t layer, Site site) const override;

 private:
  struct Norms {
    Norm attention, mlp;                         // of their inputs
    std::optional<Norm> attention_out, mlp_out;  // of their outputs
  };
  void run_parallel(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead);
  void add_product(int64_t layer, Site site, Product product, const std::optional<Norm>& norm, Profile::Stage pack,
                   Profile::Stage multiply, const ReadAhead& ahead);

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  std::vector<Norms> norms_;
  Attention attention_;
  std::optional<FeedForward> mlp_;  // one of the two
  std::optional<Mixture> mixture_;
  Buffer added_;  // [max_tokens, hidden_size] where outputs are normalised
};

}  // namespace orrery::text
