#include "orrery/nn/packed_rows.h"

#include <utility>

namespace orrery::nn {

PackedRows::PackedRows(std::span<const std::vector<text::TokenId>> rows, std::vector<int64_t> starts)
    : branches(std::move(starts)) {
  offsets.push_back(0);
  for (const auto& row : rows) offsets.push_back(offsets.back() + static_cast<int64_t>(row.size()));
  tokens = at::empty({size()}, at::kLong);
  positions = at::empty({size()}, at::kLong);
  auto *token = tokens.data_ptr<int64_t>(), *position = positions.data_ptr<int64_t>();
  auto branch = branches.begin();
  int64_t at = 0;
  for (const auto& row : rows) {
    int64_t next = 0, trunk = -1;
    for (const text::TokenId id : row) {
      if (branch != branches.end() && *branch == at) {
        if (trunk < 0) trunk = next;
        next = trunk;
        ++branch;
      }
      *token++ = id;
      *position++ = next++;
      ++at;
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
