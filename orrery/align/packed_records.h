// Records as rows of a micro-batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "orrery/align/learned_tokens.h"
#include "orrery/nn/packed_rows.h"

namespace orrery::align {

struct PackedRecords {
  nn::PackedRows rows;
  at::Tensor sources, targets;  ///< [m] int64: the place whose hidden state predicts a learned token, and the token
};

/// A row for each record; or, where rows `branch`, one for all that begin alike (a system prompt), which is computed
/// once: the others go on from it as branches.
PackedRecords pack_records(std::span<const LearnedTokens* const> records, bool branch);

}  // namespace orrery::align
