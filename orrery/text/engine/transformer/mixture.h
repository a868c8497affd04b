// A mixture of experts in the place of the feed-forward network.
#pragma once

#include <vector>

#include "orrery/text/engine/layers.h"

namespace orrery::text {

/// Shazeer et al. 2017; Jiang et al. 2024 ("Mixtral of Experts", eq. 1-2): Σ over the chosen experts of softmax(chosen
/// scores)·expert(x). Reads the weights of the experts that some token of the step chose, and no other's.
class Mixture {
 public:
  Mixture(const DecoderSpec& spec, const LayerRuntime& runtime);
  void load(WeightLoader& loader, int64_t layer, const std::string& prefix);

  /// hidden += mixture(x), x [rows, hidden_size].
  void run(int64_t layer, const ProjectionInput& x, float* hidden);

 private:
  struct Expert {
    Projection gate_up, down;
  };
  struct Layer {
    Projection router;
    std::vector<Expert> experts;
  };
  void route(int64_t rows);

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const int64_t stride_;
  std::vector<Layer> layers_;
  // Tokens grouped by expert: expert e's are entries [starts_[e], starts_[e + 1]) of the next three.
  std::vector<int64_t> starts_;
  std::vector<int32_t> rows_;      // the token's row
  std::vector<int64_t> entries_;   // per (row, choice): its entry
  std::vector<float> shares_;      // per (row, choice)
  Buffer scores_, inner_, outer_;  // [rows, experts], [rows·active, stride_], [rows·active, hidden_size]
  std::vector<Product> products_;
};

}  // namespace orrery::text
