// The tokens of one step, as rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "orrery/text/engine/kv_cache.h"

namespace orrery::text {

struct AdapterSet;

/// Consecutive tokens of one sequence.
struct Segment {
  std::span<const TokenId> tokens;
  int64_t first_position = 0;
  int64_t length = 0;             ///< of the sequence, all of the prompt included: what rotary scaling may go by
  std::span<const PageId> pages;  ///< of the whole sequence, those that these tokens go into included
  std::span<const float* const> embeddings;  ///< per token: what stands for its embedding, or nullptr; empty: for none
  std::byte* state = nullptr;  ///< of a recurrent model: what it remembers of the tokens before, 64-byte aligned
  const AdapterSet* adapters = nullptr;  ///< what changes the model for them; nullptr: nothing
  bool all_logits = false;               ///< else the last token's, if any
  bool last_logits = true;
};

/// Row r is a token; the rows of a segment follow each other.
struct Batch {
  struct Row {
    int32_t segment;
    int64_t position;
  };
  std::span<const Segment> segments;
  std::vector<int64_t> first_rows;  ///< per segment
  std::vector<Row> rows;
  std::vector<int64_t> logit_rows;  ///< rows that asked for logits, ascending
  bool one_token_each = false;      ///< every segment has one token

  int64_t size() const { return static_cast<int64_t>(rows.size()); }
  void assign(std::span<const Segment> segments);
};

}  // namespace orrery::text
