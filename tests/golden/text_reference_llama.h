// The llama family in plain loops, float32: slow and readable, written apart from the engine, so that the two can
// disagree.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "orrery/text/checkpoint.h"

namespace orrery::text::golden {

struct ReferenceOutput {
  std::vector<std::vector<float>>
      hidden;                 ///< [layers + 1][tokens * hidden_size]: each layer's input, then the final norm
  std::vector<float> logits;  ///< [tokens * vocab_size]
};

/// Where the query of one token and the key of another stand when they meet; nothing where they do not.
using PairPositions = std::function<std::optional<std::pair<int64_t, int64_t>>(int64_t query, int64_t key)>;

/// The whole sequence at once. positions empty: 0, 1, 2, … Attention is causal by index, whatever the positions.
/// Copies the weights to float32 and reads them once per token; O(tokens · parameters + tokens² · layers · heads ·
/// head_dim).
ReferenceOutput run_reference_llama(const Checkpoint& checkpoint, std::span<const int32_t> tokens,
                                    std::span<const int64_t> positions = {});

/// The same with every pair of tokens rotated by itself; `key` is at most `query`.
ReferenceOutput run_reference_llama(const Checkpoint& checkpoint, std::span<const int32_t> tokens,
                                    const PairPositions& pair_positions);

}  // namespace orrery::text::golden
