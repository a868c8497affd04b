// The steps of transform.h for one instruction set. Included by cpu.cpp once for each.
// Points are [n, re im, lanes]; a step works on four quarters of a block (two halvings at once), whose roots are r of
// the block, s of its first half and i·s of its second.
#include <bit>

#include "orrery/kernels/long_conv/transform.h"

#if defined(ORRERY_LONG_CONV_TRANSFORM_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ORRERY_LONG_CONV_TRANSFORM_INL_H
#undef ORRERY_LONG_CONV_TRANSFORM_INL_H
#else
#define ORRERY_LONG_CONV_TRANSFORM_INL_H
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
struct Complex {
  V re, im;
};
template <class V>
HWY_INLINE Complex<V> operator+(Complex<V> a, Complex<V> b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
template <class V>
HWY_INLINE Complex<V> operator-(Complex<V> a, Complex<V> b) {
  return {hn::Sub(a.re, b.re), hn::Sub(a.im, b.im)};
}
template <class V>
HWY_INLINE Complex<V> operator*(Complex<V> a, Complex<V> b) {
  return {hn::NegMulAdd(a.im, b.im, hn::Mul(a.re, b.re)), hn::MulAdd(a.re, b.im, hn::Mul(a.im, b.re))};
}
template <class V>
HWY_INLINE Complex<V> operator*(V a, Complex<V> b) {
  return {hn::Mul(a, b.re), hn::Mul(a, b.im)};
}
template <class V>
HWY_INLINE Complex<V> times_i(Complex<V> a) {
  return {hn::Neg(a.im), a.re};
}
template <class V>
HWY_INLINE Complex<V> conjugate(Complex<V> a) {
  return {a.re, hn::Neg(a.im)};
}

template <class D>
HWY_INLINE Complex<hn::Vec<D>> load(D d, const float* at) {
  return {hn::LoadU(d, at), hn::LoadU(d, at + hn::Lanes(d))};
}
template <class D>
HWY_INLINE void store(D d, Complex<hn::Vec<D>> value, float* at) {
  hn::StoreU(value.re, d, at);
  hn::StoreU(value.im, d, at + hn::Lanes(d));
}
template <class D>
HWY_INLINE Complex<hn::Vec<D>> root(D d, const float* roots, int64_t node) {
  return {hn::Set(d, roots[2 * node]), hn::Set(d, roots[2 * node + 1])};
}

// Two halvings of block `node`. real: the imaginary parts count as zero, whatever stands there.
template <bool real, class D>
HWY_INLINE void Quarter(D d, float* points, int64_t size, const float* roots, int64_t node) {
  const auto step = static_cast<int64_t>(2 * hn::Lanes(d)), quarter = size / 4;
  const auto r = root(d, roots, node), s = root(d, roots, 2 * node), rs = r * s;
  for (int64_t i = 0; i < quarter; ++i, points += step) {
    float *p0 = points, *p1 = p0 + quarter * step, *p2 = p1 + quarter * step, *p3 = p2 + quarter * step;
    auto a = load(d, p0), sb = s, rc = r, rsd = rs;
    if constexpr (real) {
      a.im = hn::Zero(d);
      sb = hn::LoadU(d, p1) * s;
      rc = hn::LoadU(d, p2) * r;
      rsd = hn::LoadU(d, p3) * rs;
    } else {
      sb = load(d, p1) * s;
      rc = load(d, p2) * r;
      rsd = load(d, p3) * rs;
    }
    const auto first = a + rc, second = a - rc, u = sb + rsd, v = times_i(sb - rsd);
    store(d, first + u, p0);
    store(d, first - u, p1);
    store(d, second + v, p2);
    store(d, second - v, p3);
  }
}

template <bool real, class D>
HWY_INLINE void Halve(D d, float* points, int64_t size, const float* roots, int64_t node) {
  const auto step = static_cast<int64_t>(2 * hn::Lanes(d)), half = size / 2;
  const auto r = root(d, roots, node);
  for (int64_t i = 0; i < half; ++i, points += step) {
    float* p1 = points + half * step;
    auto a = load(d, points), rb = r;
    if constexpr (real) {
      a.im = hn::Zero(d);
      rb = hn::LoadU(d, p1) * r;
    } else {
      rb = load(d, p1) * r;
    }
    store(d, a + rb, points);
    store(d, a - rb, p1);
  }
}

// The inverses, without the division by 4 and 2. imaginary: only the imaginary parts are wanted.
template <bool imaginary, class D>
HWY_INLINE void UndoQuarter(D d, float* points, int64_t size, const float* roots, int64_t node) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d)), step = 2 * lanes, quarter = size / 4;
  const auto r = root(d, roots, node), s = root(d, roots, 2 * node);
  const auto r_ = conjugate(r), s_ = conjugate(s), rs_ = conjugate(r * s);
  const auto imaginary_of = [](auto a, auto b) HWY_ATTR { return hn::MulAdd(a.re, b.im, hn::Mul(a.im, b.re)); };
  for (int64_t i = 0; i < quarter; ++i, points += step) {
    float *p0 = points, *p1 = p0 + quarter * step, *p2 = p1 + quarter * step, *p3 = p2 + quarter * step;
    const auto c0 = load(d, p0), c1 = load(d, p1), c2 = load(d, p2), c3 = load(d, p3);
    const auto first = c0 + c1, second = c2 + c3, u = c0 - c1, v = times_i(c3 - c2);
    if constexpr (imaginary) {
      hn::StoreU(hn::Add(first.im, second.im), d, p0 + lanes);
      hn::StoreU(imaginary_of(u + v, s_), d, p1 + lanes);
      hn::StoreU(imaginary_of(first - second, r_), d, p2 + lanes);
      hn::StoreU(imaginary_of(u - v, rs_), d, p3 + lanes);
    } else {
      store(d, first + second, p0);
      store(d, (u + v) * s_, p1);
      store(d, (first - second) * r_, p2);
      store(d, (u - v) * rs_, p3);
    }
  }
}

template <bool imaginary, class D>
HWY_INLINE void UndoHalve(D d, float* points, int64_t size, const float* roots, int64_t node) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d)), step = 2 * lanes, half = size / 2;
  const auto r_ = conjugate(root(d, roots, node));
  for (int64_t i = 0; i < half; ++i, points += step) {
    float* p1 = points + half * step;
    const auto a = load(d, points), b = load(d, p1);
    if constexpr (imaginary) {
      const auto difference = a - b;
      hn::StoreU(hn::Add(a.im, b.im), d, points + lanes);
      hn::StoreU(hn::MulAdd(difference.re, r_.im, hn::Mul(difference.im, r_.re)), d, p1 + lanes);
    } else {
      store(d, a + b, points);
      store(d, (a - b) * r_, p1);
    }
  }
}

// A block whose size is a power of 4. Depth first, so that every level of cache is used by the blocks that fit it.
template <class D>
void TransformNode(D d, float* points, int64_t size, const float* roots, int64_t node) {
  if (size == 1) return;
  Quarter<false>(d, points, size, roots, node);
  if (size == 4) return;
  const auto step = static_cast<int64_t>(2 * hn::Lanes(d));
  if (size == 16) {
    for (int64_t i = 0; i < 4; ++i) Quarter<false>(d, points + i * 4 * step, 4, roots, 4 * node + i);
    return;
  }
  for (int64_t i = 0; i < 4; ++i) TransformNode(d, points + i * size / 4 * step, size / 4, roots, 4 * node + i);
}

template <class D>
void UndoNode(D d, float* points, int64_t size, const float* roots, int64_t node) {
  if (size == 1) return;
  const auto step = static_cast<int64_t>(2 * hn::Lanes(d));
  if (size == 16) {
    for (int64_t i = 0; i < 4; ++i) UndoQuarter<false>(d, points + i * 4 * step, 4, roots, 4 * node + i);
  } else if (size > 16) {
    for (int64_t i = 0; i < 4; ++i) UndoNode(d, points + i * size / 4 * step, size / 4, roots, 4 * node + i);
  }
  UndoQuarter<false>(d, points, size, roots, node);
}

HWY_INLINE bool PowerOfFour(int64_t size) { return std::countr_zero(static_cast<uint64_t>(size)) % 2 == 0; }

template <bool real, class D>
HWY_INLINE void TransformRoot(D d, float* points, int64_t size, const float* roots) {
  const auto step = static_cast<int64_t>(2 * hn::Lanes(d));
  const int64_t parts = PowerOfFour(size) ? 4 : 2;
  parts == 4 ? Quarter<real>(d, points, size, roots, 1) : Halve<real>(d, points, size, roots, 1);
  for (int64_t i = 0; i < parts; ++i)
    TransformNode(d, points + i * size / parts * step, size / parts, roots, parts + i);
}

/// points [size, re im, lanes] -> its transform in place. size >= 4, a power of two.
template <class D>
void Transform(D d, float* points, int64_t size, const float* roots) {
  TransformRoot<false>(d, points, size, roots);
}

/// The same of points whose imaginary parts are zero; what stands in their place is not read.
template <class D>
void TransformReal(D d, float* points, int64_t size, const float* roots) {
  TransformRoot<true>(d, points, size, roots);
}

/// A transform -> the imaginary parts of its points, times size; their real parts are left in ruins.
template <class D>
void InverseImaginary(D d, float* points, int64_t size, const float* roots) {
  const auto step = static_cast<int64_t>(2 * hn::Lanes(d));
  const int64_t parts = PowerOfFour(size) ? 4 : 2;
  for (int64_t i = 0; i < parts; ++i) UndoNode(d, points + i * size / parts * step, size / parts, roots, parts + i);
  parts == 4 ? UndoQuarter<true>(d, points, size, roots, 1) : UndoHalve<true>(d, points, size, roots, 1);
}

/// points · spectrum, whose real and imaginary parts lie `stride` floats apart.
template <class D>
void MultiplyPoints(D d, const float* spectrum, int64_t stride, float* points, int64_t size) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i < size; ++i, points += 2 * lanes, spectrum += 2 * stride) {
    const Complex<hn::Vec<D>> factor{hn::LoadU(d, spectrum), hn::LoadU(d, spectrum + stride)};
    store(d, load(d, points) * factor, points);
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
