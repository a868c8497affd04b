// float32 attention on Highway: 4 rows at a time share each load of a page.
#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/kernels/attention/attention.h"
#include "orrery/kernels/convert/convert.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/attention/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/cache_control.h>
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;

// Lanes of a page as floats, in steps of the scale where the type has one. T: tag of the vector.
template <DType kType, class T>
HWY_INLINE hn::Vec<T> load_lanes(T d, const std::byte* part, int64_t at) {
  if constexpr (kType == DType::kF32) {
    return hn::LoadU(d, reinterpret_cast<const float*>(part) + at);
  } else if constexpr (kType == DType::kF16) {
    const hn::Rebind<hwy::float16_t, T> dh;
    return hn::PromoteTo(d, hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(part) + at));
  } else {
    const hn::Rebind<int8_t, T> db;
    const hn::Rebind<int32_t, T> di;
    return hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(db, reinterpret_cast<const int8_t*>(part) + at)));
  }
}

template <class T>
HWY_INLINE hn::Vec<T> load_nibbles(T d, const std::byte* at, bool upper) {
  const hn::Rebind<uint8_t, T> db;
  const hn::Rebind<int32_t, T> di;
  const auto both = hn::PromoteTo(di, hn::LoadU(db, reinterpret_cast<const uint8_t*>(at)));
  const auto q = upper ? hn::ShiftRight<4>(both) : hn::And(both, hn::Set(di, 15));
  return hn::ConvertTo(d, hn::Sub(q, hn::Set(di, 8)));
}

// Dimension `dim` of the keys from `key` on.
template <DType kType>
HWY_INLINE V load_keys(D d, const std::byte* keys, int64_t dim, int64_t key) {
  if constexpr (kType == DType::kQ4_0) return load_nibbles(d, keys + dim / 2 * kPageTokens + key, dim % 2);
  return load_lanes<kType>(d, keys, dim * kPageTokens + key);
}

// Dimensions of a value from `dim` on, a multiple of the lanes.
template <DType kType, class T>
HWY_INLINE hn::Vec<T> load_value(T d, const KvFormat& format, const std::byte* values, int64_t key, int64_t dim) {
  if constexpr (kType == DType::kQ4_0) {
    return load_nibbles(d, values + (key * format.head_dim + dim / 32 * 32) / 2 + dim % 16, dim / 16 % 2);
  }
  return load_lanes<kType>(d, values, key * format.head_dim + dim);
}

// scores[r][64] = q[r]·keys, scaled, for kRows rows and at least the keys in `seen`. Two vectors of keys at
// a time: with one, the 3 or 4 sums wait for each other.
template <DType kType, int kRows>
HWY_INLINE void page_scores(const AttentionTask& task, const std::byte* keys, const KeyRange& seen,
                            const float* const* q, float (&scores)[4][kPageTokens]) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  constexpr bool kScales = kType == DType::kQ8_0 || kType == DType::kQ4_0;
  const int64_t dims = task.format.head_dim, block_dims = kScales ? 32 : dims;
  for (int64_t key = seen.first / (2 * lanes) * (2 * lanes); key < seen.last; key += 2 * lanes) {
    V acc[kRows][2];
    for (auto& a : acc) a[0] = a[1] = hn::Zero(d);
    for (int64_t block = 0; block * block_dims < dims; ++block) {
      V scales[2];
      if constexpr (kScales) {
        for (int i = 0; i < 2; ++i)
          scales[i] =
              load_lanes<DType::kF16>(d, keys + task.format.element_bytes(), block * kPageTokens + key + i * lanes);
      }
      for (int64_t dim = block * block_dims; dim < (block + 1) * block_dims; ++dim) {
        V k[2];
        for (int i = 0; i < 2; ++i) {
          k[i] = load_keys<kType>(d, keys, dim, key + i * lanes);
          if constexpr (kScales) k[i] = hn::Mul(scales[i], k[i]);
        }
        for (int r = 0; r < kRows; ++r) {
          const V x = hn::Set(d, q[r][dim]);
          for (int i = 0; i < 2; ++i) acc[r][i] = hn::MulAdd(x, k[i], acc[r][i]);
        }
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int i = 0; i < 2; ++i)
        hn::StoreU(hn::Mul(acc[r][i], hn::Set(d, task.scale)), d, scores[r] + key + i * lanes);
    }
  }
}

// kVectors vectors of dimensions, from `dim`, of what add_values does.
template <DType kType, int kRows, int kVectors, class T>
HWY_INLINE void add_value_lanes(T d, const AttentionTask& task, const std::byte* values, const KeyRange& seen,
                                int64_t dim, const float (&weights)[4][kPageTokens], float* const* out) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  hn::Vec<T> acc[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kVectors; ++i) acc[r][i] = hn::LoadU(d, out[r] + dim + i * lanes);
  }
  for (int64_t key = seen.first; key < seen.last; ++key) {
    hn::Vec<T> v[kVectors];
    for (int i = 0; i < kVectors; ++i) {
      v[i] = load_value<kType>(d, task.format, values, key, dim + i * lanes);
      if constexpr (kType == DType::kQ8_0 || kType == DType::kQ4_0) {
        const hn::Rebind<uint16_t, T> du;
        const hn::Rebind<hwy::float16_t, T> dh;
        const auto* scales =
            reinterpret_cast<const uint16_t*>(values + task.format.element_bytes()) + key * (task.format.head_dim / 32);
        v[i] = hn::Mul(v[i], hn::PromoteTo(d, hn::BitCast(dh, hn::Set(du, scales[(dim + i * lanes) / 32]))));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      const auto weight = hn::Set(d, weights[r][key]);
      for (int i = 0; i < kVectors; ++i) acc[r][i] = hn::MulAdd(weight, v[i], acc[r][i]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kVectors; ++i) hn::StoreU(acc[r][i], d, out[r] + dim + i * lanes);
  }
}

// out[r] += Σ_key weights[r][key]·values[key] over the keys in `seen`.
template <DType kType, int kRows>
HWY_INLINE void add_values(const AttentionTask& task, const std::byte* values, const KeyRange& seen,
                           const float (&weights)[4][kPageTokens], float* const* out) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t dims = task.format.head_dim;
  int64_t dim = 0;
  for (; dim + 2 * lanes <= dims; dim += 2 * lanes)
    add_value_lanes<kType, kRows, 2>(d, task, values, seen, dim, weights, out);
  for (; dim + lanes <= dims; dim += lanes) add_value_lanes<kType, kRows, 1>(d, task, values, seen, dim, weights, out);
  if constexpr (kType == DType::kF32 || kType == DType::kF16) {  // the others have multiples of 32
    const hn::CappedTag<float, 4> d4;
    const hn::CappedTag<float, 1> d1;
    for (; dim + 4 <= dims; dim += 4) add_value_lanes<kType, kRows, 1>(d4, task, values, seen, dim, weights, out);
    for (; dim < dims; ++dim) add_value_lanes<kType, kRows, 1>(d1, task, values, seen, dim, weights, out);
  }
}

// Asks for memory that is needed a few microseconds from now: a decode step finds its pages in no cache, and 8 KiB
// pieces are too short for the hardware to see a stream in them.
HWY_INLINE void ask_for(const std::byte* from, int64_t bytes) {
  for (int64_t at = 0; at < bytes; at += 64) hwy::Prefetch(from + at);
}

template <DType kType, int kRows>
void attend_rows(const AttentionTask& task, int64_t first_row, const AttentionPart& out) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t dims = task.format.head_dim;
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const float* q[kRows];
  float* values[kRows];
  float largest[kRows], sum[kRows];
  KeyRange keys[kRows];
  for (int r = 0; r < kRows; ++r) {
    const int64_t row = first_row + r, token = row / task.group;
    q[r] = task.q + token * task.q_stride + row % task.group * dims;
    values[r] = out.values + row * dims;
    std::fill(values[r], values[r] + dims, 0.0f);
    largest[r] = kNever;
    sum[r] = 0;
    keys[r] = task.keys_of(token);
  }
  const KeyRange all = task.keys_of(first_row / task.group, (first_row + kRows - 1) / task.group + 1);
  const bool ask = task.rows() == kRows;  // a decode step
  alignas(64) float scores[4][kPageTokens];
  for (int64_t first = all.first / kPageTokens * kPageTokens; first < all.last; first += kPageTokens) {
    const std::byte* page = task.page_of(first);
    const KeyRange seen = {std::max<int64_t>(all.first - first, 0), std::min(all.last - first, kPageTokens)};
    if (ask) {
      ask_for(task.format.values(page, task.kv_head), task.format.part_bytes() * seen.last / kPageTokens);
    }
    page_scores<kType, kRows>(task, task.format.keys(page, task.kv_head), seen, q, scores);
    if (ask && first + kPageTokens < all.last) {
      ask_for(task.format.keys(task.page_of(first + kPageTokens), task.kv_head), task.format.part_bytes());
    }
    for (int r = 0; r < kRows; ++r) {
      const int64_t begin = std::clamp<int64_t>(keys[r].first - first, 0, kPageTokens);
      const int64_t end = std::clamp<int64_t>(keys[r].last - first, begin, kPageTokens);
      std::fill(scores[r], scores[r] + begin, kNever);
      std::fill(scores[r] + end, scores[r] + kPageTokens, kNever);
      V page_largest = hn::Set(d, largest[r]);
      for (int64_t i = 0; i < kPageTokens; i += lanes) page_largest = hn::Max(page_largest, hn::Load(d, scores[r] + i));
      const float now = hn::GetLane(hn::MaxOfLanes(d, page_largest));
      if (now == kNever) {
        std::fill(scores[r], scores[r] + kPageTokens, 0.0f);
        continue;
      }
      if (now > largest[r]) {
        const float shrink = std::exp(largest[r] - now);
        sum[r] *= shrink;
        for (int64_t dim = 0; dim < dims; ++dim) values[r][dim] *= shrink;
        largest[r] = now;
      }
      V total = hn::Zero(d);
      for (int64_t i = 0; i < kPageTokens; i += lanes) {
        const V weight = hn::Exp(d, hn::Sub(hn::Load(d, scores[r] + i), hn::Set(d, now)));
        hn::Store(weight, d, scores[r] + i);
        total = hn::Add(total, weight);
      }
      sum[r] += hn::GetLane(hn::SumOfLanes(d, total));
    }
    add_values<kType, kRows>(task, task.format.values(page, task.kv_head), seen, scores, values);
  }
  for (int r = 0; r < kRows; ++r) {
    out.largest[first_row + r] = largest[r];
    out.sum[first_row + r] = sum[r];
  }
}

template <DType kType>
void attend_type(const AttentionTask& task, const AttentionPart& out) {
  int64_t row = 0;
  for (; row + 4 <= task.rows(); row += 4) attend_rows<kType, 4>(task, row, out);
  switch (task.rows() - row) {
    case 3:
      return attend_rows<kType, 3>(task, row, out);
    case 2:
      return attend_rows<kType, 2>(task, row, out);
    case 1:
      return attend_rows<kType, 1>(task, row, out);
    default:
      return;
  }
}

void Attend(const AttentionTask& task, const AttentionPart& out) {
  if (task.format.dtype == DType::kF32) return attend_type<DType::kF32>(task, out);
  if (task.format.dtype == DType::kF16) return attend_type<DType::kF16>(task, out);
  if (task.format.dtype == DType::kQ8_0) return attend_type<DType::kQ8_0>(task, out);
  attend_type<DType::kQ4_0>(task, out);
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(Attend);
void attend_cpu(const AttentionTask& task, const AttentionPart& out) { HWY_DYNAMIC_DISPATCH(Attend)(task, out); }
}  // namespace orrery::kernels
#endif
