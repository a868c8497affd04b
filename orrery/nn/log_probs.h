// Log-probabilities of given tokens, without the matrix of all tokens' logits.
#pragma once

#include <ATen/core/Tensor.h>

#include "orrery/nn/layers.h"

namespace orrery::nn {

inline constexpr int64_t kIgnored = -100;  ///< a target that does not count

/// log softmax(head(hidden))[target] for each row, [n]; 0 where the target is kIgnored. hidden [n, size], targets [n]
/// int64. Logits are made for a few rows at a time, and again in the backward pass: memory does not grow with rows
/// times vocabulary. Rows that do not count cost nothing. An adapter's change of the head counts as a weight.
at::Tensor token_log_probs(const at::Tensor& hidden, const Linear& head, const at::Tensor& targets);

}  // namespace orrery::nn
