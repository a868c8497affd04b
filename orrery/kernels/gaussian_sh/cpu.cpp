#include <algorithm>
#include <vector>

#include "orrery/kernels/gaussian_sh/gaussian_sh.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/gaussian_sh/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "orrery/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

constexpr size_t kMaxLanes = HWY_MAX_BYTES / sizeof(float);
constexpr int kMaxBasis = 16;

HWY_INLINE V Number(double value) { return hn::Set(D(), static_cast<float>(value)); }

/// Unit vectors from the camera, and 1 / distance.
struct Rays {
  V x, y, z, nearness;
};
HWY_INLINE Rays RaysTo(const GaussianSh& sh, int64_t first, size_t count) {
  const D d;
  V mean[3];
  LoadRows<3>(d, sh.means.data() + 3 * first, count, mean);
  const V x = mean[0] - hn::Set(d, sh.centre[0]), y = mean[1] - hn::Set(d, sh.centre[1]),
          z = mean[2] - hn::Set(d, sh.centre[2]);
  const V squares = x * x + y * y + z * z;
  const V nearness = hn::IfThenElse(hn::Gt(squares, hn::Zero(d)), Number(1) / hn::Sqrt(squares), Number(1));
  return {x * nearness, y * nearness, z * nearness, nearness};
}

HWY_INLINE void Basis(int degree, const Rays& ray, V* basis) {
  const V x = ray.x, y = ray.y, z = ray.z;
  basis[0] = Number(0.28209479177387814);
  if (degree < 1) return;
  const V c1 = Number(0.4886025119029199);
  basis[1] = hn::Neg(c1 * y), basis[2] = c1 * z, basis[3] = hn::Neg(c1 * x);
  if (degree < 2) return;
  const V xx = x * x, yy = y * y, zz = z * z, xy = x * y, c2 = Number(1.0925484305920792);
  basis[4] = c2 * xy, basis[5] = hn::Neg(c2 * (y * z)), basis[7] = hn::Neg(c2 * (x * z));
  basis[6] = Number(0.31539156525252005) * (zz + zz - xx - yy);
  basis[8] = Number(0.5462742152960396) * (xx - yy);
  if (degree < 3) return;
  const V three = Number(3), five_rest = Number(4) * zz - xx - yy, difference = xx - yy;
  basis[9] = Number(-0.5900435899266435) * y * (three * xx - yy);
  basis[10] = Number(2.890611442640554) * xy * z;
  basis[11] = Number(-0.4570457994644658) * y * five_rest;
  basis[12] = Number(0.3731763325901154) * z * (zz + zz - three * (xx + yy));
  basis[13] = Number(-0.4570457994644658) * x * five_rest;
  basis[14] = Number(1.445305721320277) * z * difference;
  basis[15] = Number(-0.5900435899266435) * x * (xx - three * yy);
}

/// What the direction gets from what the basis got.
struct Slopes {
  V x, y, z;
};
HWY_INLINE Slopes DirectionGradient(int degree, const Rays& ray, const V* d_basis) {
  const D d;
  const V x = ray.x, y = ray.y, z = ray.z, *g = d_basis;
  if (degree < 1) return {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  const V c1 = Number(0.4886025119029199);
  Slopes sum = {hn::Neg(c1 * g[3]), hn::Neg(c1 * g[1]), c1 * g[2]};
  if (degree < 2) return sum;
  const V c20 = Number(1.0925484305920792), c22 = Number(2 * 0.31539156525252005), c24 = Number(2 * 0.5462742152960396);
  const V g4 = c20 * g[4], g5 = c20 * g[5], g6 = c22 * g[6], g7 = c20 * g[7], g8 = c24 * g[8];
  sum.x = sum.x + g4 * y - g6 * x - g7 * z + g8 * x;
  sum.y = sum.y + g4 * x - g5 * z - g6 * y - g8 * y;
  sum.z = sum.z - g5 * y + (g6 + g6) * z - g7 * x;
  if (degree < 3) return sum;
  const V xx = x * x, yy = y * y, zz4 = Number(4) * z * z, xy = x * y, xz = x * z, yz = y * z, three = Number(3);
  const V g9 = Number(0.5900435899266435) * g[9], g10 = Number(2.890611442640554) * g[10],
          g11 = Number(0.4570457994644658) * g[11], g12 = Number(0.3731763325901154) * g[12],
          g13 = Number(0.4570457994644658) * g[13], g14 = Number(1.445305721320277) * g[14],
          g15 = Number(0.5900435899266435) * g[15];
  const V two = Number(2), six = Number(6), eight = Number(8), difference = xx - yy;
  sum.x = sum.x - six * g9 * xy + g10 * yz + two * g11 * xy - six * g12 * xz - g13 * (zz4 - three * xx - yy) +
          two * g14 * xz - three * g15 * difference;
  sum.y = sum.y - three * g9 * difference + g10 * xz - g11 * (zz4 - xx - three * yy) - six * g12 * yz + two * g13 * xy -
          two * g14 * yz + six * g15 * xy;
  sum.z = sum.z + g10 * xy - eight * g11 * yz + three * g12 * (Number(0.5) * zz4 - xx - yy) - eight * g13 * xz +
          g14 * difference;
  return sum;
}

/// The first `columns` of each of `count` rows of `stride` floats, as columns [columns, lanes]; other lanes are 0.
HWY_INLINE void Transpose(const float* rows, int64_t stride, int columns, size_t count, float* to) {
  const size_t lanes = hn::Lanes(D());
  if (count < lanes) std::fill_n(to, columns * lanes, 0.f);
  for (size_t row = 0; row < count; ++row)
    for (int column = 0; column < columns; ++column) to[column * lanes + row] = rows[row * stride + column];
}

/// ½ + Σ basis · coefficients, per channel.
HWY_INLINE void Unclamped(int size, const V* basis, const float* coefficients, V* colour) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  for (int c = 0; c < 3; ++c) colour[c] = Number(0.5);
  for (int k = 0; k < size; ++k)
    for (int c = 0; c < 3; ++c)
      colour[c] = hn::MulAdd(basis[k], hn::Load(d, coefficients + (3 * k + c) * lanes), colour[c]);
}

void ShColours(const GaussianSh& sh, int64_t first, int64_t last, float* colours) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d)), stride = sh.per_gaussian() * 3;
  const int size = (sh.degree + 1) * (sh.degree + 1);
  HWY_ALIGN float coefficients[3 * kMaxBasis * kMaxLanes];
  for (int64_t i = first; i < last; i += lanes) {
    const auto count = static_cast<size_t>(std::min(lanes, last - i));
    V basis[kMaxBasis], colour[3];
    Basis(sh.degree, RaysTo(sh, i, count), basis);
    Transpose(sh.coefficients.data() + i * stride, stride, 3 * size, count, coefficients);
    Unclamped(size, basis, coefficients, colour);
    for (V& channel : colour) channel = hn::Max(channel, hn::Zero(d));
    StoreRows<3>(d, colour, count, colours + 3 * i);
  }
}

/// Returns in d_centre what [first, last) give to the camera's centre.
void ShBackward(const GaussianSh& sh, int64_t first, int64_t last, const float* d_colours,
                const GaussianShGradient& gradient, float* d_centre) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d)), stride = sh.per_gaussian() * 3;
  const int size = (sh.degree + 1) * (sh.degree + 1);
  HWY_ALIGN float coefficients[3 * kMaxBasis * kMaxLanes];
  V sum[3] = {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  for (int64_t i = first; i < last; i += lanes) {
    const auto count = static_cast<size_t>(std::min(lanes, last - i));
    V basis[kMaxBasis], d_basis[kMaxBasis], colour[3], d_colour[3], d_mean[3];
    const Rays ray = RaysTo(sh, i, count);
    Basis(sh.degree, ray, basis);
    Transpose(sh.coefficients.data() + i * stride, stride, 3 * size, count, coefficients);
    Unclamped(size, basis, coefficients, colour);
    LoadRows<3>(d, d_colours + 3 * i, count, d_colour);
    for (int c = 0; c < 3; ++c) d_colour[c] = hn::IfThenElseZero(hn::Ge(colour[c], Number(kRoundedBlack)), d_colour[c]);
    for (int k = 0; k < size; ++k) {
      d_basis[k] = hn::Zero(d);
      for (int c = 0; c < 3; ++c) {
        float* at = coefficients + (3 * k + c) * lanes;
        d_basis[k] = hn::MulAdd(d_colour[c], hn::Load(d, at), d_basis[k]);
        hn::Store(basis[k] * d_colour[c], d, at);
      }
    }
    for (size_t row = 0; row < count && !gradient.coefficients.empty(); ++row) {
      float* to = gradient.coefficients.data() + (i + row) * stride;
      for (int column = 0; column < 3 * size; ++column) to[column] = coefficients[column * lanes + row];
      std::fill(to + 3 * size, to + stride, 0.f);
    }
    const Slopes g = DirectionGradient(sh.degree, ray, d_basis);
    const V along = g.x * ray.x + g.y * ray.y + g.z * ray.z;
    const V change[3] = {(g.x - along * ray.x) * ray.nearness, (g.y - along * ray.y) * ray.nearness,
                         (g.z - along * ray.z) * ray.nearness};
    if (gradient.means.empty()) continue;
    LoadRows<3>(d, gradient.means.data() + 3 * i, count, d_mean);
    for (int axis = 0; axis < 3; ++axis) {
      d_mean[axis] = d_mean[axis] + change[axis];
      sum[axis] = sum[axis] - change[axis];  // lanes past the last Gaussian have coefficients, and so changes, of 0
    }
    StoreRows<3>(d, d_mean, count, gradient.means.data() + 3 * i);
  }
  for (int axis = 0; axis < 3; ++axis) d_centre[axis] = hn::GetLane(hn::SumOfLanes(d, sum[axis]));
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(ShColours);
HWY_EXPORT(ShBackward);

namespace {
constexpr int64_t kPiece = 512;  // Gaussians: sums over a piece do not depend on which thread has it
}

void gaussian_sh(const GaussianSh& sh, std::span<float> colours, ThreadPool& pool) {
  if (isa() == Isa::kReference) return gaussian_sh_reference(sh, colours);
  pool.run((sh.size() + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    HWY_DYNAMIC_DISPATCH(ShColours)
    (sh, piece * kPiece, std::min(sh.size(), (piece + 1) * kPiece), colours.data());
  });
}

std::array<float, 3> gaussian_sh_backward(const GaussianSh& sh, std::span<const float> d_colours,
                                          const GaussianShGradient& gradient, ThreadPool& pool) {
  if (isa() == Isa::kReference) return gaussian_sh_backward_reference(sh, d_colours, gradient);
  const int64_t pieces = (sh.size() + kPiece - 1) / kPiece;
  std::vector<std::array<float, 3>> d_centres(pieces);
  pool.run(pieces, [&](int64_t piece, int) {
    HWY_DYNAMIC_DISPATCH(ShBackward)
    (sh, piece * kPiece, std::min(sh.size(), (piece + 1) * kPiece), d_colours.data(), gradient,
     d_centres[piece].data());
  });
  std::array<double, 3> sum{};
  for (const auto& d_centre : d_centres)
    for (int axis = 0; axis < 3; ++axis) sum[axis] += d_centre[axis];
  return {static_cast<float>(sum[0]), static_cast<float>(sum[1]), static_cast<float>(sum[2])};
}

}  // namespace orrery::kernels
#endif
