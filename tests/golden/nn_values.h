// Between golden files and tensors that learn.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "orrery/nn/packed_rows.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_folders.h"

namespace orrery::nn {

inline std::span<const float> values(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

inline at::Tensor floats(const text::golden::Expected& expected, std::string_view name) {
  return at::tensor(expected.floats(name)).view(expected.shape(name));
}
inline at::Tensor integers(const text::golden::Expected& expected, std::string_view name) {
  return at::tensor(expected.integers(name)).view(expected.shape(name));
}

/// The rows of NAME_input_ids, without what NAME_attention_mask calls padding.
inline PackedRows rows_without_padding(const text::golden::Expected& expected, const std::string& side) {
  std::vector<std::vector<text::TokenId>> rows;
  for (int64_t row = 0; row < expected.shape(side + "_input_ids").at(0); ++row) {
    const auto mask = expected.ids(side + "_attention_mask", row);
    auto& tokens = rows.emplace_back(expected.ids(side + "_input_ids", row));
    tokens.resize(std::ranges::count(mask, 1));
  }
  return PackedRows(rows);
}

/// The largest difference is at most `tolerance` of the largest entry.
inline void expect_gradient(const at::Tensor& ours, const std::vector<float>& theirs, float tolerance,
                            const char* what) {
  ASSERT_TRUE(ours.defined()) << what;
  float largest = 0;
  for (float value : theirs) largest = std::max(largest, std::abs(value));
  text::golden::expect_close(values(ours.contiguous()), theirs, tolerance * largest, what);
}

}  // namespace orrery::nn
