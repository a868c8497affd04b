// One step of the decoder over a batch: tokens in, logits out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "orrery/base/buffer.h"
#include "orrery/base/thread_pool.h"
#include "orrery/kernels/attention/attention.h"
#include "orrery/kernels/matmul/matmul.h"
#include "orrery/text/engine/kv_cache.h"
#include "orrery/text/engine/profile.h"
#include "orrery/text/engine/rope_table.h"
#include "orrery/text/engine/weights.h"

namespace orrery::text {

/// Consecutive tokens of one sequence.
struct Segment {
  std::span<const TokenId> tokens;
  int64_t first_position = 0;
  std::span<const PageId> pages;  ///< of the whole sequence, those that these tokens go into included
  bool all_logits = false;        ///< else the last token's, if any
  bool last_logits = true;
};

/// The decoder of DecoderSpec in the order of the paper's block (Touvron et al. 2023): every stage is one loop of the
/// pool.
class Forward {
 public:
  Forward(const Checkpoint& checkpoint, const Weights& weights, KvCache& cache, ThreadPool& pool, int64_t max_tokens,
          bool exact);

  /// At most max_tokens tokens in all. Writes keys and values into the pages; returns logits [rows, vocab] of the
  /// tokens that asked for them, in order, valid until the next step.
  std::span<float> step(std::span<const Segment> segments);

  Profile& profile() { return profile_; }
  int64_t max_tokens() const { return max_tokens_; }

 private:
  struct Row {  // of the batch: one token
    int32_t segment;
    int64_t position;
  };
  // Attention work that one thread does in one go.
  struct AttentionChunk {
    int32_t segment;
    int64_t kv_head, first_row, tokens, first_position, first_key, last_key;
    int64_t part;  // into parts_ when the keys are split, else -1
  };

  void lay_out(std::span<const Segment> segments);
  void embed_tokens(std::span<const Segment> segments);
  void attention_block(const LayerWeights& weights, int64_t layer, std::span<const Segment> segments);
  void mlp_block(const LayerWeights& weights, const Projection& next);
  std::span<float> logits();

  // What a projection reads: rows [rows, cols], normalised first where a norm's weight is given.
  struct Source {
    const float* x;
    int64_t stride, rows, cols;
    const float* norm = nullptr;
    Profile::Stage stage = Profile::kNorm;
  };
  // Few rows are packed by every thread for itself: that is quicker than waiting for one that does it.
  struct OwnRows {
    uint64_t projection = 0;  // that they were packed for
    kernels::PackedRows rows;
    std::byte* packed = nullptr;
    float *normed = nullptr, *q = nullptr;
  };

  void pack_row(const Source& source, int64_t row, float* normed, kernels::PackedRows& out) const;
  void pack_rows(const Source& source, bool quantized);
  // `ahead`: what will be read after it.
  void project(const Source& source, const Projection& projection, kernels::MatmulOutput mode, float* out,
               int64_t stride, Profile::Stage stage, const ReadAhead& ahead);
  void project_few(const Source& source, const Projection& projection, kernels::MatmulOutput mode, float* out,
                   int64_t stride, const ReadAhead& ahead);
  void add_bias(const Projection& projection, int64_t rows, float* out, int64_t stride);
  void rotate_and_store(int64_t layer, std::span<const Segment> segments);
  kernels::AttentionTask begin_chunk(const AttentionChunk& chunk, int64_t layer, int thread);
  void attend(int64_t layer, const ReadAhead& ahead);

  const Checkpoint& checkpoint_;
  const DecoderSpec& spec_;
  const Weights& weights_;
  KvCache& cache_;
  ThreadPool& pool_;
  const int64_t max_tokens_;
  const bool exact_;
  const float attention_scale_;
  const int64_t qkv_stride_, mlp_stride_;
  RopeTable rope_;
  Profile profile_;

  Buffer memory_;  // the arrays below
  float *hidden_, *qkv_, *attention_, *mlp_, *logits_;
  std::byte* packed_;
  kernels::PackedRows packed_rows_;  // what project() multiplies with, when the rows are many
  std::vector<OwnRows> own_rows_;    // per thread
  uint64_t projections_ = 0;         // counts them
  std::vector<Row> rows_;
  std::vector<int64_t> logit_rows_;
  std::vector<AttentionChunk> chunks_;
  std::vector<std::vector<std::byte*>> page_pointers_;  // per segment
  bool one_token_each_ = false;                         // every segment of the step has one token
  std::vector<float> thread_parts_, parts_;
  int64_t part_floats_ = 0;  // of a split part in parts_
};

}  // namespace orrery::text
