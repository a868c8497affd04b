// A batch of sequences of different lengths, one after another, with no padding between them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::nn {

struct PackedRows {
  at::Tensor tokens;             ///< [n] int64
  std::vector<int64_t> offsets;  ///< [rows + 1]: row r is tokens [offsets[r], offsets[r + 1])
  /// Where branches begin, ascending: what stands before a row's first is seen by all of that row's branches, which see
  /// nothing of each other. For answers to one prompt, which then is computed once.
  std::vector<int64_t> branches;
  at::Tensor positions;     ///< [n] int64, from 0 in each row; each branch goes on where the first one begins
  at::Tensor noise;         ///< [n, hidden_size] added to the embeddings; undefined: none
  std::string dropout;      ///< what this pass's dropout is named after (nn::Dropout); empty: nothing is left out
  at::Tensor patches;       ///< [p, patch values] of pictures, undefined where there are none
  at::Tensor patch_places;  ///< [p] int64: where in `tokens` the patches stand

  explicit PackedRows(std::span<const std::vector<text::TokenId>> rows, std::vector<int64_t> branches = {});
  int64_t size() const { return offsets.back(); }
  int64_t rows() const { return static_cast<int64_t>(offsets.size()) - 1; }
};

/// x [n, …] one token later, within each row; zeros before its first.
at::Tensor shifted(const at::Tensor& x, const PackedRows& rows);

/// The token behind each, [n] int64: what it is to predict. `ignored` behind a row's last token.
at::Tensor next_tokens(const at::Tensor& labels, const PackedRows& rows, int64_t ignored = -100);

}  // namespace orrery::nn
