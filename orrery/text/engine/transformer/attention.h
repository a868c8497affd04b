// Causal self-attention over the paged cache.
#pragma once

#include <optional>
#include <vector>

#include "orrery/kernels/attention/attention.h"
#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/rotary.h"
#include "orrery/text/engine/transformer/attention_plan.h"

namespace orrery::text {

/// Grouped-query attention (Ainslie et al. 2023) with rotary positions, windows and normalised heads where the spec
/// has them. A layer is: project(qkv()), attend(), project(output()).
class Attention {
 public:
  Attention(const DecoderSpec& spec, const LayerRuntime& runtime);
  void load(WeightLoader& loader, int64_t layer, const std::string& prefix);

  /// Lays out the step's work.
  void begin(const Batch& batch);
  Product qkv(int64_t layer, const ProjectionInput& x);
  /// Turns queries and keys, writes keys and values into the cache, attends.
  void attend(int64_t layer, const Batch& batch);
  Product output(int64_t layer, int64_t rows, float* out) const;

  const Projection* projection(int64_t layer, Site site) const {
    return site == Site::kQkv ? &weights_[layer].qkv : &weights_[layer].o;
  }
  ReadAhead first_weights(int64_t layer) const { return weights_[layer].qkv.ahead(); }
  ReadAhead cache_ahead(int64_t layer, const Batch& batch) const;

 private:
  struct Weights {
    Projection qkv, o;
    std::optional<Norm> q_norm, k_norm;
  };
  // The work of all layers that see equally far.
  struct Work {
    Reach reach;
    bool local_rope;
    AttentionPlan plan;
  };

  void begin_far(const Reach& reach);
  void turn(const Weights& weights, const Rotary& rotary, int64_t row, float* heads, int64_t queries,
            int64_t keys) const;
  void store(int64_t layer, const Batch& batch, int64_t row, int64_t kv_head, float* key, int thread);
  void rotate_and_store(int64_t layer, const Batch& batch);
  const float* query(const AttentionChunk& chunk, int64_t layer, const Batch& batch, bool far, int thread);
  kernels::AttentionTask task(const AttentionChunk& chunk, int64_t layer) const;
  kernels::AttentionTask near_task(const AttentionChunk& chunk, int64_t layer, const Batch& batch, int thread);
  kernels::AttentionTask far_task(const AttentionChunk& chunk, int64_t layer, const Batch& batch, int thread);
  void attend_chunk(const AttentionChunk& chunk, int64_t layer, const Batch& batch, int thread);
  void join_parts(int64_t layer, const AttentionPlan& plan);
  void attend_prompts(int64_t layer, const Batch& batch);
  const Work& work_of(int64_t layer) const { return works_[work_of_layer_[layer]]; }
  const Rotary& rotary_of(int64_t layer) const { return work_of(layer).local_rope ? *local_rotary_ : rotary_; }
  float* own_heads(int thread) const { return own_heads_ + thread * own_stride_; }

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const int64_t group_, width_, qkv_stride_;
  const float scale_;
  Rotary rotary_;
  std::optional<Rotary> local_rotary_, far_query_rotary_, far_key_rotary_;
  std::vector<Weights> weights_;
  bool float_weights_ = true;
  std::vector<Work> works_;
  std::vector<size_t> work_of_layer_;
  Buffer memory_;
  float *qkv_, *attention_, *own_heads_, *far_q_;  // far_q_ [max_tokens, width] where some layer sees far keys
  int64_t own_stride_;                             // floats of a thread in own_heads_: the queries of a chunk, or a key
  std::vector<std::vector<std::byte*>> pages_;     // per segment; nullptr where a page is gone
  std::vector<int64_t> positions_, far_query_positions_, far_key_positions_, lengths_;  // per row
  std::vector<float> thread_parts_, parts_;
  int64_t part_floats_;  // of a split part in parts_
};

}  // namespace orrery::text
