#include "orrery/nn/packed_rows.h"

namespace orrery::nn {

PackedRows::PackedRows(std::span<const std::vector<text::TokenId>> rows) {
  offsets.push_back(0);
  for (const auto& row : rows) offsets.push_back(offsets.back() + static_cast<int64_t>(row.size()));
  tokens = at::empty({size()}, at::kLong);
  positions = at::empty({size()}, at::kLong);
  auto *token = tokens.data_ptr<int64_t>(), *position = positions.data_ptr<int64_t>();
  for (const auto& row : rows) {
    for (size_t t = 0; t < row.size(); ++t) {
      *token++ = row[t];
      *position++ = static_cast<int64_t>(t);
    }
  }
}

at::Tensor shifted(const at::Tensor& x, const PackedRows& rows) {
  const at::Tensor before = at::cat({at::zeros_like(x.narrow(0, 0, 1)), x.narrow(0, 0, x.size(0) - 1)});
  return before.masked_fill(rows.positions.eq(0).unsqueeze(-1), 0);
}

at::Tensor next_tokens(const at::Tensor& labels, const PackedRows& rows, int64_t ignored) {
  const at::Tensor next = at::full_like(labels, ignored);
  next.narrow(0, 0, labels.size(0) - 1).copy_(labels.narrow(0, 1, labels.size(0) - 1));
  for (int64_t row = 0; row < rows.rows(); ++row)
    if (rows.offsets[row + 1] > rows.offsets[row]) next[rows.offsets[row + 1] - 1] = ignored;
  return next;
}

}  // namespace orrery::nn
