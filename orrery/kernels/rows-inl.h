// Rows of a few floats each, as one vector per column: lanes are rows. Included by a cpu.cpp once for each instruction
// set.
#include <cstring>

#if defined(ORRERY_ROWS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ORRERY_ROWS_INL_H
#undef ORRERY_ROWS_INL_H
#else
#define ORRERY_ROWS_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The first `count` rows of [rows, kColumns], count ≤ lanes; lanes past them are 0.
template <int kColumns, class D>
HWY_INLINE void LoadRows(D d, const hn::TFromD<D>* rows, size_t count, hn::Vec<D>* columns) {
  HWY_ALIGN hn::TFromD<D> padded[kColumns * HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  if (count < hn::Lanes(d)) {
    std::memset(padded, 0, sizeof padded);
    std::memcpy(padded, rows, count * kColumns * sizeof *rows);
    rows = padded;
  }
  if constexpr (kColumns == 1) columns[0] = hn::LoadU(d, rows);
  if constexpr (kColumns == 2) hn::LoadInterleaved2(d, rows, columns[0], columns[1]);
  if constexpr (kColumns == 3) hn::LoadInterleaved3(d, rows, columns[0], columns[1], columns[2]);
  if constexpr (kColumns == 4) hn::LoadInterleaved4(d, rows, columns[0], columns[1], columns[2], columns[3]);
}

/// The first `count` lanes into [rows, kColumns]; nothing past them is touched.
template <int kColumns, class D>
HWY_INLINE void StoreRows(D d, const hn::Vec<D>* columns, size_t count, hn::TFromD<D>* rows) {
  HWY_ALIGN hn::TFromD<D> padded[kColumns * HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  const bool whole = count == hn::Lanes(d);
  hn::TFromD<D>* to = whole ? rows : padded;
  if constexpr (kColumns == 1) hn::StoreU(columns[0], d, to);
  if constexpr (kColumns == 2) hn::StoreInterleaved2(columns[0], columns[1], d, to);
  if constexpr (kColumns == 3) hn::StoreInterleaved3(columns[0], columns[1], columns[2], d, to);
  if constexpr (kColumns == 4) hn::StoreInterleaved4(columns[0], columns[1], columns[2], columns[3], d, to);
  if (!whole) std::memcpy(rows, padded, count * kColumns * sizeof *rows);
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
