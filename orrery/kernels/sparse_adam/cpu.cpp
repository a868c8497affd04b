#include <algorithm>
#include <vector>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/sparse_adam/sparse_adam.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/sparse_adam/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "orrery/kernels/adamw/update-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {

/// Rows [first, last). `rates` are the table's, once round and on for a vector more.
void AdamRows(const AdamWStep& step, const AdamTable& table, std::span<const uint8_t> takes_part, const float* rates,
              int64_t first, int64_t last) {
  const AdamUpdate update(step);
  const AdamUpdate::D d;
  const auto columns = static_cast<size_t>(table.columns);
  for (int64_t begin = first; begin < last; ++begin) {
    if (!takes_part.empty() && !takes_part[begin]) continue;
    int64_t end = begin + 1;
    while (end < last && (takes_part.empty() || takes_part[end])) ++end;
    const size_t at = begin * columns;
    update((end - begin) * columns, table.parameters.data() + at, table.gradients.data() + at, table.m.data() + at,
           table.v.data() + at, [&](AdamUpdate::V rate, size_t i) HWY_ATTR {
             return rates ? hn::Mul(rate, hn::LoadU(d, rates + i % columns)) : rate;
           });
    begin = end;
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(AdamRows);

void sparse_adam(const AdamWStep& step, const AdamTable& table, std::span<const uint8_t> takes_part, ThreadPool& pool) {
  if (isa() == Isa::kReference) return sparse_adam_reference(step, table, takes_part);
  constexpr int64_t kPieceValues = 1 << 15;
  constexpr int64_t kMostLanes = 64;
  const int64_t rows = static_cast<int64_t>(table.parameters.size()) / table.columns,
                piece_rows = std::max<int64_t>(1, kPieceValues / table.columns);
  std::vector<float> rates;
  if (!table.rates.empty())
    for (int64_t i = 0; i < table.columns + kMostLanes; ++i) rates.push_back(table.rates[i % table.columns]);
  pool.run((rows + piece_rows - 1) / piece_rows, [&](int64_t piece, int) {
    HWY_DYNAMIC_DISPATCH(AdamRows)
    (step, table, takes_part, rates.empty() ? nullptr : rates.data(), piece * piece_rows,
     std::min(rows, (piece + 1) * piece_rows));
  });
}

}  // namespace orrery::kernels
#endif
