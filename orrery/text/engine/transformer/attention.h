// Causal self-attention over the paged cache.
#pragma once

#include <optional>
#include <vector>

#include "orrery/kernels/attention/attention.h"
#include "orrery/text/engine/layers.h"
#include "orrery/text/engine/rotary.h"

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
  // What one thread does in one go: tokens of one segment, one key-value head, a range of keys.
  struct Chunk {
    int32_t segment;
    int64_t kv_head, first_row, tokens, first_position, first_key, last_key;
    int64_t part;   // into parts_ when the keys are split, else -1
    int64_t parts;  // of the same tokens and head, in the first of them; else 0
  };
  // The work of all layers that see equally far.
  struct Reach {
    int64_t window;  // 0: everything
    bool local_rope;
    std::vector<Chunk> chunks;
  };

  void lay_out(Reach& reach, const Batch& batch);
  void turn(const Weights& weights, const Rotary& rotary, int64_t row, float* heads, int64_t queries,
            int64_t keys) const;
  void rotate_and_store(int64_t layer, const Batch& batch, const Rotary& rotary);
  kernels::AttentionTask begin_chunk(const Chunk& chunk, int64_t layer, const Batch& batch, int thread);
  void join_parts(const Reach& reach);
  void attend_prompts(int64_t layer, const Batch& batch);
  const Rotary& rotary_of(const Reach& reach) const { return reach.local_rope ? *local_rotary_ : rotary_; }
  std::byte* page_of(int32_t segment, int64_t position, int64_t layer) const;

  const DecoderSpec& spec_;
  const LayerRuntime runtime_;
  const int64_t group_, width_, qkv_stride_;
  const float scale_;
  Rotary rotary_;
  std::optional<Rotary> local_rotary_;
  std::vector<Weights> weights_;
  bool float_weights_ = true;
  std::vector<Reach> reaches_;
  std::vector<size_t> reach_of_layer_;
  Buffer memory_;
  float *qkv_, *attention_, *own_q_;
  std::vector<std::vector<std::byte*>> pages_;  // per segment; nullptr where a page is gone
  std::vector<int64_t> positions_;
  std::vector<float> thread_parts_, parts_;
  int64_t part_floats_;  // of a split part in parts_
};

}  // namespace orrery::text
