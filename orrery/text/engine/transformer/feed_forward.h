// The position-wise feed-forward network.
#pragma once

#include <vector>

#include "orrery/text/engine/layers.h"

namespace orrery::text {

/// down(act(up(x))), or gated down(act(gate(x)) ⊙ up(x)) (Shazeer 2020, "GLU Variants Improve Transformer").
class FeedForward {
 public:
  FeedForward(const DecoderSpec& spec, const LayerRuntime& runtime);
  void load(WeightLoader& loader, int64_t layer, const std::string& prefix);

  /// Its stages, in order. `rows` of x that input() read.
  Product input(int64_t layer, const ProjectionInput& x);
  void activate(int64_t layer, int64_t rows);
  Product output(int64_t layer, int64_t rows, float* out) const;

  const Projection* projection(int64_t layer, Site site) const {
    return site == Site::kGateUp ? &weights_[layer].in : &weights_[layer].down;
  }
  ReadAhead first_weights(int64_t layer) const { return weights_[layer].in.ahead(); }
  ReadAhead last_weights(int64_t layer) const { return weights_[layer].down.ahead(); }

 private:
  struct Weights {
    Projection in, down;  // in: gate and up, or up alone
  };
  kernels::MatmulOutput product_of(int64_t layer) const;

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const int64_t stride_;
  std::vector<Weights> weights_;
  Buffer memory_;  // [max_tokens, stride_]
};

/// The product that does the activation too, where paired gate and up weights have one; else kStore, to be followed by
/// activate().
kernels::MatmulOutput gated_product(const Projection& weights, Activation activation);

/// act over `size` values of `rows` rows of a product with `weights`, in place: its outputs are one array, or where the
/// weights are gated, act(gate)·up in the first `size` of each row.
void activate(Activation activation, bool gated, const Projection& weights, float* rows, int64_t stride, int64_t count,
              int64_t size, ThreadPool& pool);

}  // namespace orrery::text
