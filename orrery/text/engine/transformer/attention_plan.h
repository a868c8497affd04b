// Which keys the tokens of a step attend to, cut into pieces for threads.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/kernels/attention/attention.h"
#include "orrery/text/decoder_spec.h"
#include "orrery/text/engine/batch.h"

namespace orrery::text {

/// How far the tokens of some layers see. Keys near by are rotated to their positions, and queries to theirs. Far ones
/// are met by queries rotated to another position: attention sinks, or Self-Extend's groups, whose keys are rotated to
/// another position as well (KvFormat::key_copy 1).
struct Reach {
  int64_t window = 0;  ///< keys near by, the token's own included; 0: all
  StreamingSpec streaming;
  SelfExtendSpec self_extend;

  /// Of a layer.
  Reach(const DecoderSpec& spec, int64_t layer);
  bool operator==(const Reach&) const;
  bool far() const { return streaming.window > 0 || self_extend.group > 1; }
  /// Where the query at `position` is rotated to for the far keys, and the far copy of its key.
  int64_t far_query_position(int64_t position) const;
  int64_t far_key_position(int64_t position) const { return position / self_extend.group; }
  /// What tokens at position, position + 1 … see; the task's distances say which token sees which.
  kernels::KeyRange near_keys(int64_t position, int64_t tokens) const;
  kernels::KeyRange far_keys(int64_t position, int64_t tokens) const;
};

/// What one thread does in one go: tokens of one segment, one key-value head, ranges of keys.
struct AttentionChunk {
  int32_t segment = 0;
  int64_t kv_head = 0, first_row = 0, tokens = 0, first_position = 0;
  kernels::KeyRange near, far;
  int64_t part = -1;  ///< the number of this part where the keys are split
  int64_t parts = 0;  ///< of the same tokens and head, in the first of them; else 0

  int64_t last_key() const { return std::max(near.last, far.last); }
  int64_t keys() const { return near.last - near.first + far.last - far.first; }
};

inline constexpr int64_t kQueryTile = 128;  ///< prompt tokens of one chunk, which share the rounding of pages
inline constexpr int64_t kFewTokens = 8;    ///< up to here the keys are split, beyond it the tokens are

/// The chunks of a step, the largest first. Parts of one head of one segment are numbered in the order of their keys,
/// and begin at pages.
struct AttentionPlan {
  std::vector<AttentionChunk> chunks;
  int64_t parts = 0;
  void lay_out(const Reach& reach, const Batch& batch, int64_t kv_heads);
};

}  // namespace orrery::text
