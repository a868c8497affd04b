// Sums over the lanes of several vectors at once. Included by a cpu.cpp once for each instruction set.
#if defined(ORRERY_SUMS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ORRERY_SUMS_INL_H
#undef ORRERY_SUMS_INL_H
#else
#define ORRERY_SUMS_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
/// Every block of 128 bits holds the sums over all lanes of v[0] … v[3].
template <class D, class V = hn::Vec<D>>
HWY_INLINE V SumsOfFour(D d, const V* v) {
  const hn::Repartition<double, D> pairs;
  const V ab = hn::Add(hn::InterleaveLower(d, v[0], v[1]), hn::InterleaveUpper(d, v[0], v[1]));
  const V cd = hn::Add(hn::InterleaveLower(d, v[2], v[3]), hn::InterleaveUpper(d, v[2], v[3]));
  const auto ab2 = hn::BitCast(pairs, ab), cd2 = hn::BitCast(pairs, cd);
  V sums = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, ab2, cd2)),
                   hn::BitCast(d, hn::InterleaveUpper(pairs, ab2, cd2)));
#if HWY_MAX_BYTES >= 32
  sums = hn::Add(sums, hn::SwapAdjacentBlocks(sums));
#endif
#if HWY_MAX_BYTES >= 64
  sums = hn::Add(sums, hn::ReverseBlocks(d, sums));
#endif
  return sums;
}
#endif

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
