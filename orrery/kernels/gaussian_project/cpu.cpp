#include <algorithm>
#include <vector>

#include "orrery/kernels/gaussian_project/gaussian_project.h"
#include "orrery/kernels/gaussian_project/rules.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/gaussian_project/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "orrery/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using M = hn::Mask<D>;

HWY_INLINE V Splat(double value) { return hn::Set(D(), static_cast<float>(value)); }

/// A view's numbers, one per vector.
struct Camera {
  Camera(const View& view, GaussianRules rules)
      : fisheye(view.projection == Projection::kFisheye), inria(rules == GaussianRules::kInria) {
    for (int row = 0; row < 3; ++row) {
      for (int k = 0; k < 3; ++k) rotation[row][k] = Splat(view.camera_from_world[4 * row + k]);
      translation[row] = Splat(view.camera_from_world[4 * row + 3]);
    }
    const float focals[] = {view.fx, view.fy}, principals[] = {view.cx, view.cy};
    const int sizes[] = {view.width, view.height};
    for (int axis = 0; axis < 2; ++axis) {
      focal[axis] = Splat(focals[axis]);
      principal[axis] = Splat(principals[axis]);
      size[axis] = Splat(sizes[axis]);
      tiled_size[axis] = Splat((sizes[axis] + kGaussianTile - 1) / kGaussianTile * kGaussianTile);
      const SlopeLimits limits = slope_limits(rules, sizes[axis], focals[axis], principals[axis]);
      least_slope[axis] = Splat(limits.least);
      most_slope[axis] = Splat(limits.most);
    }
  }
  bool fisheye, inria;
  V rotation[3][3], translation[3], focal[2], principal[2], size[2], tiled_size[2], least_slope[2], most_slope[2];
};

/// The series Σ_n terms[n]·x^n.
template <size_t kTerms>
HWY_INLINE V Series(const double (&terms)[kTerms], V x) {
  V sum = Splat(terms[kTerms - 1]);
  for (size_t n = kTerms - 1; n > 0; --n) sum = hn::MulAdd(sum, x, Splat(terms[n - 1]));
  return sum;
}

/// Where points of camera space are seen, and the Jacobian there. The fisheye's a, b, c are those of reference.cpp.
struct Seen {
  HWY_INLINE Seen() {}  // what the compiler would make itself is not compiled for the vectors' instruction set
  V at[2], jacobian[2][3];
  V inverse;   // 1/z, or 1/(r² + z²) for the fisheye
  V slope[2];  // of the pinhole, clamped
  M clamped[2];
  V a, b, c;
};

HWY_INLINE void SeePinhole(const Camera& camera, const V* point, Seen& seen) {
  seen.inverse = Splat(1) / point[2];
  for (int axis = 0; axis < 2; ++axis) {
    const V slope = point[axis] * seen.inverse;
    seen.at[axis] = hn::MulAdd(camera.focal[axis], slope, camera.principal[axis]);
    seen.slope[axis] = hn::Min(hn::Max(slope, camera.least_slope[axis]), camera.most_slope[axis]);
    seen.clamped[axis] = hn::Ne(slope, seen.slope[axis]);
    seen.jacobian[axis][axis] = camera.focal[axis] * seen.inverse;
    seen.jacobian[axis][1 - axis] = Splat(0);
    seen.jacobian[axis][2] = hn::Neg(seen.jacobian[axis][axis] * seen.slope[axis]);
  }
}

HWY_INLINE void SeeFisheye(const Camera& camera, const V* point, Seen& seen) {
  const D d;
  const V x = point[0], y = point[1], z = point[2], squares = x * x + y * y, all = squares + z * z;
  seen.inverse = Splat(1) / all;
  const V near = Splat(1) / z, near2 = near * near, t2 = squares * near2;
  // Around the axis by their series: the closed forms are differences that cancel.
  const M axial = hn::Lt(t2, Splat(0.1));
  static constexpr double kA[] = {1, -1. / 3, 1. / 5, -1. / 7, 1. / 9, -1. / 11, 1. / 13};
  static constexpr double kB[] = {-2. / 3, 4. / 5, -6. / 7, 8. / 9, -10. / 11, 12. / 13, -14. / 15};
  static constexpr double kC[] = {8. / 5, -24. / 7, 48. / 9, -80. / 11, 120. / 13, -168. / 15};
  const V r = hn::Sqrt(squares), per_square = Splat(1) / squares;
  seen.a = hn::IfThenElse(axial, Series(kA, t2) * near, hn::Atan(d, r * near) / r);
  seen.b = hn::IfThenElse(axial, Series(kB, t2) * near * near2, (z * seen.inverse - seen.a) * per_square);
  seen.c = hn::IfThenElse(axial, Series(kC, t2) * near * near2 * near2,
                          hn::Neg((Splat(2) * z * seen.inverse * seen.inverse + Splat(3) * seen.b) * per_square));
  for (int axis = 0; axis < 2; ++axis) {
    const V focal = camera.focal[axis];
    seen.at[axis] = hn::MulAdd(focal * seen.a, point[axis], camera.principal[axis]);
    seen.jacobian[axis][axis] = focal * (seen.a + seen.b * point[axis] * point[axis]);
    seen.jacobian[axis][1 - axis] = focal * seen.b * x * y;
    seen.jacobian[axis][2] = hn::Neg(focal * point[axis] * seen.inverse);
  }
}

/// Adds what the points get back through the Jacobian and, for the pinhole, the position.
HWY_INLINE void PinholeGradient(const Camera& camera, const V* point, const Seen& seen, const V (&d_jacobian)[2][3],
                                const V* d_at, V* d_point) {
  for (int axis = 0; axis < 2; ++axis) {
    const V across = camera.focal[axis] * seen.inverse, deeper = across * seen.inverse;
    const V pull = deeper * d_jacobian[axis][2] * seen.slope[axis];
    const V once = camera.inria ? pull + pull : hn::IfThenElse(seen.clamped[axis], pull, pull + pull);
    d_point[2] = d_point[2] + once - deeper * d_jacobian[axis][axis] - deeper * point[axis] * d_at[axis];
    d_point[axis] =
        d_point[axis] + across * d_at[axis] - hn::IfThenZeroElse(seen.clamped[axis], deeper * d_jacobian[axis][2]);
  }
}

HWY_INLINE void FisheyeGradient(const Camera& camera, const V* point, const Seen& seen, const V (&d_jacobian)[2][3],
                                const V* d_at, V* d_point) {
  const V x = point[0], y = point[1], z = point[2], fx = camera.focal[0], fy = camera.focal[1];
  const V d00 = fx * d_jacobian[0][0], d01 = fx * d_jacobian[0][1] + fy * d_jacobian[1][0], d11 = fy * d_jacobian[1][1],
          d02 = fx * d_jacobian[0][2], d12 = fy * d_jacobian[1][2];
  const V inverse2 = seen.inverse * seen.inverse, two = Splat(2);
  const V d_a = d00 + d11, d_b = d00 * x * x + d01 * x * y + d11 * y * y, d_inverse = hn::Neg(d02 * x + d12 * y);
  const V radial = d_a * seen.b + d_b * seen.c - two * inverse2 * d_inverse;
  d_point[0] = d_point[0] + radial * x + seen.b * (two * x * d00 + y * d01) - seen.inverse * d02;
  d_point[1] = d_point[1] + radial * y + seen.b * (two * y * d11 + x * d01) - seen.inverse * d12;
  d_point[2] = d_point[2] + two * inverse2 * (d_b - z * d_inverse) - seen.inverse * d_a;
  for (int axis = 0; axis < 3; ++axis)
    d_point[axis] = d_point[axis] + seen.jacobian[0][axis] * d_at[0] + seen.jacobian[1][axis] * d_at[1];
}

/// Everything between Gaussians and their ellipses.
struct Ellipses {
  HWY_INLINE Ellipses() {}
  V mean[3], scale[3], quat[4], shortness;  // quat of unit length, 1 / the length it had
  V local[3][3];                            // world from the Gaussian's own axes
  V turned[3][3];                           // camera from them
  V point[3];
  Seen seen;
  V axes[2][3];  // of unit length, projected; the covariance is Σ scale²·axis·axisᵀ before the low-pass
  V area[3];     // axis i+1 × axis i+2
  V squared[3];  // scales
  V xx, xy, yy, before, after;
};

HWY_INLINE void TurnOf(Ellipses& e) {
  const V squares = e.quat[0] * e.quat[0] + e.quat[1] * e.quat[1] + e.quat[2] * e.quat[2] + e.quat[3] * e.quat[3];
  e.shortness = Splat(1) / hn::Max(hn::Sqrt(squares), Splat(1e-12));
  for (V& part : e.quat) part = part * e.shortness;
  const V w = e.quat[0], x = e.quat[1], y = e.quat[2], z = e.quat[3], one = Splat(1), two = Splat(2);
  e.local[0][0] = one - two * (y * y + z * z), e.local[0][1] = two * (x * y - w * z),
  e.local[0][2] = two * (x * z + w * y);
  e.local[1][0] = two * (x * y + w * z), e.local[1][1] = one - two * (x * x + z * z),
  e.local[1][2] = two * (y * z - w * x);
  e.local[2][0] = two * (x * z - w * y), e.local[2][1] = two * (y * z + w * x),
  e.local[2][2] = one - two * (x * x + y * y);
}

HWY_INLINE void Flatten(const Gaussians& gaussians, const Camera& camera, int64_t first, size_t count, Ellipses& e) {
  const D d;
  LoadRows<3>(d, gaussians.means.data() + 3 * first, count, e.mean);
  LoadRows<3>(d, gaussians.scales.data() + 3 * first, count, e.scale);
  LoadRows<4>(d, gaussians.quats.data() + 4 * first, count, e.quat);
  TurnOf(e);
  for (int i = 0; i < 3; ++i) {
    const V* row = camera.rotation[i];
    e.point[i] = hn::MulAdd(row[0], e.mean[0],
                            hn::MulAdd(row[1], e.mean[1], hn::MulAdd(row[2], e.mean[2], camera.translation[i])));
    for (int j = 0; j < 3; ++j)
      e.turned[i][j] = row[0] * e.local[0][j] + row[1] * e.local[1][j] + row[2] * e.local[2][j];
  }
  camera.fisheye ? SeeFisheye(camera, e.point, e.seen) : SeePinhole(camera, e.point, e.seen);
  e.xx = e.xy = e.yy = Splat(0);
  for (int j = 0; j < 3; ++j) {
    for (int i = 0; i < 2; ++i) {
      const V* row = e.seen.jacobian[i];
      e.axes[i][j] = row[0] * e.turned[0][j] + row[1] * e.turned[1][j] + row[2] * e.turned[2][j];
    }
    e.squared[j] = e.scale[j] * e.scale[j];
    e.xx = hn::MulAdd(e.squared[j] * e.axes[0][j], e.axes[0][j], e.xx);
    e.xy = hn::MulAdd(e.squared[j] * e.axes[0][j], e.axes[1][j], e.xy);
    e.yy = hn::MulAdd(e.squared[j] * e.axes[1][j], e.axes[1][j], e.yy);
  }
  // The determinant as a sum of squares: xx·yy - xy² would cancel for a needle.
  e.before = Splat(0);
  for (int i = 0; i < 3; ++i) {
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    e.area[i] = e.axes[0][j] * e.axes[1][k] - e.axes[0][k] * e.axes[1][j];
    const V minor = e.area[i] * e.scale[j] * e.scale[k];
    e.before = hn::MulAdd(minor, minor, e.before);
  }
  e.after = e.before + Splat(kLowPass) * (e.xx + e.yy) + Splat(kLowPass * kLowPass);
}

/// Returns which are visible.
HWY_INLINE M Radii(const Camera& camera, const Ellipses& e, const float* opacities, size_t count, V* radii) {
  const D d;
  const V xx = e.xx + Splat(kLowPass), yy = e.yy + Splat(kLowPass), most = Splat(kMostPixels);
  M visible = hn::Gt(e.point[2], Splat(near_plane(camera.inria ? GaussianRules::kInria : GaussianRules::kExact)));
  if (camera.inria) {
    const V middle = Splat(0.5) * (xx + yy);
    // middle² - det = ((xx - yy)/2)² + xy², which does not cancel.
    const V half = Splat(0.5) * (e.xx - e.yy), spread = hn::MulAdd(half, half, e.xy * e.xy);
    const V largest = middle + hn::Sqrt(hn::Max(Splat(kInriaSmallestSpread), spread));
    radii[0] = radii[1] = hn::Min(hn::Ceil(Splat(kInriaReach) * hn::Sqrt(largest)), most);
    for (int axis = 0; axis < 2; ++axis) {  // some 16×16 tile is touched, in pixels counted from 0
      const V at = e.seen.at[axis] - Splat(0.5);
      visible = hn::And(visible,
                        hn::And(hn::Ge(at + radii[axis], Splat(1)), hn::Lt(at - radii[axis], camera.tiled_size[axis])));
    }
    return visible;
  }
  V reach = Splat(kReach);
  if (opacities) {
    V opacity;
    LoadRows<1>(d, opacities, count, &opacity);
    visible = hn::And(visible, hn::Ge(opacity, Splat(kFaintest)));
    const V log = hn::Log(d, hn::Max(opacity, Splat(kFaintest)) / Splat(kFaintest));
    reach = hn::Min(reach, hn::Sqrt(hn::Max(log + log, Splat(0))));
  }
  radii[0] = hn::Min(hn::Ceil(reach * hn::Sqrt(xx)), most);
  radii[1] = hn::Min(hn::Ceil(reach * hn::Sqrt(yy)), most);
  for (int axis = 0; axis < 2; ++axis) {
    const V at = e.seen.at[axis];
    visible =
        hn::And(visible, hn::And(hn::Gt(at + radii[axis], Splat(0)), hn::Lt(at - radii[axis], camera.size[axis])));
    visible = hn::And(visible, hn::Gt(radii[axis], Splat(0)));
  }
  return visible;
}

HWY_INLINE V Compensation(const Ellipses& e) {
  return hn::Max(hn::Sqrt(e.before / e.after), Splat(kSmallestCompensation));
}

void ProjectGaussians(const Gaussians& gaussians, const View& view, GaussianRules rules,
                      const ProjectedGaussians& projected, int64_t first, int64_t last) {
  const D d;
  const hn::Rebind<int32_t, D> di;
  const Camera camera(view, rules);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = first; i < last; i += lanes) {
    const auto count = static_cast<size_t>(std::min(lanes, last - i));
    Ellipses e;
    Flatten(gaussians, camera, i, count, e);
    V radii[2];
    const M visible = Radii(camera, e, gaussians.opacities.empty() ? nullptr : &gaussians.opacities[i], count, radii);
    const auto kept = [visible](V value) HWY_ATTR { return hn::IfThenElseZero(visible, value); };
    const V per_after = Splat(1) / e.after;
    const V means2d[2] = {kept(e.seen.at[0]), kept(e.seen.at[1])}, depth = kept(e.point[2]),
            conic[3] = {kept((e.yy + Splat(kLowPass)) * per_after), kept(hn::Neg(e.xy * per_after)),
                        kept((e.xx + Splat(kLowPass)) * per_after)},
            compensation = kept(Compensation(e));
    const hn::Vec<decltype(di)> pixels[2] = {hn::ConvertTo(di, kept(radii[0])), hn::ConvertTo(di, kept(radii[1]))};
    StoreRows<2>(d, means2d, count, projected.means2d.data() + 2 * i);
    StoreRows<1>(d, &depth, count, projected.depths.data() + i);
    StoreRows<3>(d, conic, count, projected.conics.data() + 3 * i);
    StoreRows<1>(d, &compensation, count, projected.compensations.data() + i);
    StoreRows<2>(di, pixels, count, projected.radii.data() + 2 * i);
  }
}

/// What projected axes p give in the quadratic form of the covariance's gradient D: with K the conic as a matrix and G
/// its gradient,
///   D = -K G K + d_ratio·(adj/after - ratio·K),  ratio = before/after, adj the adjugate before the low-pass
/// K·p is (adj·p + 0.3·p)/after, and adj·p a sum of areas between axes: for a needle K's own entries cancel in K·p.
struct CovarianceGradient {
  HWY_INLINE CovarianceGradient() {}
  V columns[2][3];  // D·p_j
  V forms[3][3];    // p_i·D·p_j, symmetric
};
HWY_INLINE CovarianceGradient ThroughConic(const Ellipses& e, const V* d_conic, V d_compensation) {
  const V per_after = Splat(1) / e.after, ratio = e.before * per_after, low_pass = Splat(kLowPass);
  const V compensation = Compensation(e);
  const V d_ratio = hn::IfThenElseZero(hn::Gt(compensation, Splat(kSmallestCompensation)),
                                       Splat(0.5) * d_compensation / compensation);
  const V a = (e.yy + low_pass) * per_after, b = hn::Neg(e.xy * per_after), c = (e.xx + low_pass) * per_after;
  const V ga = d_conic[0], gb = Splat(0.5) * d_conic[1], gc = d_conic[2];  // b stands twice in G
  V adjugate[2][3], conic[2][3], back[2][3];                               // adj·p/after, K·p, G·K·p
  for (int i = 0; i < 3; ++i) {
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    // Of axes j and k with i: areas k (from i to j) and j (from k to i).
    const V of_j = e.squared[j] * e.area[k], of_k = e.squared[k] * e.area[j];
    adjugate[0][i] = (of_j * e.axes[1][j] - of_k * e.axes[1][k]) * per_after;
    adjugate[1][i] = (of_k * e.axes[0][k] - of_j * e.axes[0][j]) * per_after;
    for (int row = 0; row < 2; ++row)
      conic[row][i] = hn::MulAdd(low_pass * per_after, e.axes[row][i], adjugate[row][i]);
    back[0][i] = ga * conic[0][i] + gb * conic[1][i];
    back[1][i] = gb * conic[0][i] + gc * conic[1][i];
  }
  CovarianceGradient d;
  for (int j = 0; j < 3; ++j) {
    const V own[2] = {d_ratio * (adjugate[0][j] - ratio * conic[0][j]),
                      d_ratio * (adjugate[1][j] - ratio * conic[1][j])};
    d.columns[0][j] = own[0] - (a * back[0][j] + b * back[1][j]);
    d.columns[1][j] = own[1] - (b * back[0][j] + c * back[1][j]);
    for (int i = 0; i <= j; ++i) {
      const V form = e.axes[0][i] * own[0] + e.axes[1][i] * own[1];
      d.forms[i][j] = d.forms[j][i] = form - (conic[0][i] * back[0][j] + conic[1][i] * back[1][j]);
    }
  }
  return d;
}

/// A turn by ω about the Gaussian's own axes changes the covariance by Σ ω·torque; in quaternions it is q⊗(1, ω/2).
HWY_INLINE void QuatGradient(const Ellipses& e, const CovarianceGradient& g, V* d_quat) {
  V torque[3];
  for (int i = 0; i < 3; ++i) {
    const int j = (i + 1) % 3, k = (i + 2) % 3;
    const V apart = (e.scale[j] - e.scale[k]) * (e.scale[j] + e.scale[k]);
    torque[i] = Splat(4) * apart * g.forms[j][k] * e.shortness;
  }
  const V w = e.quat[0], x = e.quat[1], y = e.quat[2], z = e.quat[3];
  d_quat[0] = hn::Neg(x * torque[0] + y * torque[1] + z * torque[2]);
  d_quat[1] = w * torque[0] + y * torque[2] - z * torque[1];
  d_quat[2] = w * torque[1] + z * torque[0] - x * torque[2];
  d_quat[3] = w * torque[2] + x * torque[1] - y * torque[0];
}

/// d_pose: what [first, last) give to the first three rows of the pose, [3, 4].
void ProjectBackward(const Gaussians& gaussians, const View& view, GaussianRules rules, std::span<const int32_t> radii,
                     const ProjectedGradient& d_projected, const GaussiansGradient& gradient, int64_t first,
                     int64_t last, float* d_pose) {
  const D d;
  const hn::Rebind<int32_t, D> di;
  const Camera camera(view, rules);
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  V pose[3][4];
  for (auto& row : pose)
    for (V& entry : row) entry = hn::Zero(d);
  for (int64_t i = first; i < last; i += lanes) {
    const auto count = static_cast<size_t>(std::min(lanes, last - i));
    hn::Vec<decltype(di)> pixels[2];
    LoadRows<2>(di, radii.data() + 2 * i, count, pixels);
    const M visible = hn::RebindMask(d, hn::Gt(hn::Min(pixels[0], pixels[1]), hn::Zero(di)));
    const auto kept = [visible](V value) HWY_ATTR { return hn::IfThenElseZero(visible, value); };
    Ellipses e;
    Flatten(gaussians, camera, i, count, e);
    V d_at[2], d_conic[3], d_depth = hn::Zero(d), d_compensation = hn::Zero(d);
    LoadRows<2>(d, d_projected.means2d.data() + 2 * i, count, d_at);
    LoadRows<3>(d, d_projected.conics.data() + 3 * i, count, d_conic);
    if (!d_projected.depths.empty()) LoadRows<1>(d, d_projected.depths.data() + i, count, &d_depth);
    if (!d_projected.compensations.empty())
      LoadRows<1>(d, d_projected.compensations.data() + i, count, &d_compensation);

    const CovarianceGradient g = ThroughConic(e, d_conic, d_compensation);
    V d_scale[3], d_quat[4], spread[2][3], d_jacobian[2][3];  // spread = 2·Σ_j scale²·D·p_j·(axis j in the world)ᵀ
    for (int j = 0; j < 3; ++j) d_scale[j] = kept(Splat(2) * e.scale[j] * g.forms[j][j]);
    QuatGradient(e, g, d_quat);
    for (V& part : d_quat) part = kept(part);
    for (int row = 0; row < 2; ++row) {
      V twice[3];
      for (int j = 0; j < 3; ++j) twice[j] = Splat(2) * e.squared[j] * g.columns[row][j];
      for (int k = 0; k < 3; ++k) {
        spread[row][k] = twice[0] * e.local[k][0] + twice[1] * e.local[k][1] + twice[2] * e.local[k][2];
        d_jacobian[row][k] = twice[0] * e.turned[k][0] + twice[1] * e.turned[k][1] + twice[2] * e.turned[k][2];
      }
    }

    V d_point[3] = {hn::Zero(d), hn::Zero(d), d_depth}, d_mean[3];
    camera.fisheye ? FisheyeGradient(camera, e.point, e.seen, d_jacobian, d_at, d_point)
                   : PinholeGradient(camera, e.point, e.seen, d_jacobian, d_at, d_point);
    for (int row = 0; row < 3; ++row) {
      d_mean[row] = kept(camera.rotation[0][row] * d_point[0] + camera.rotation[1][row] * d_point[1] +
                         camera.rotation[2][row] * d_point[2]);
      for (int k = 0; k < 3; ++k) {
        const V of_turned = e.seen.jacobian[0][row] * spread[0][k] + e.seen.jacobian[1][row] * spread[1][k];
        pose[row][k] = pose[row][k] + kept(hn::MulAdd(d_point[row], e.mean[k], of_turned));
      }
      pose[row][3] = pose[row][3] + kept(d_point[row]);
    }
    StoreRows<3>(d, d_mean, count, gradient.means.data() + 3 * i);
    StoreRows<4>(d, d_quat, count, gradient.quats.data() + 4 * i);
    StoreRows<3>(d, d_scale, count, gradient.scales.data() + 3 * i);
  }
  for (int row = 0; row < 3; ++row)
    for (int k = 0; k < 4; ++k) d_pose[4 * row + k] = hn::GetLane(hn::SumOfLanes(d, pose[row][k]));
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(ProjectGaussians);
HWY_EXPORT(ProjectBackward);

namespace {
constexpr int64_t kPiece = 512;  // Gaussians: sums over a piece do not depend on which thread has it
}

void gaussian_project(const Gaussians& gaussians, const View& view, GaussianRules rules,
                      const ProjectedGaussians& projected, ThreadPool& pool) {
  if (isa() == Isa::kReference) return gaussian_project_reference(gaussians, view, rules, projected);
  pool.run((gaussians.size() + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    HWY_DYNAMIC_DISPATCH(ProjectGaussians)
    (gaussians, view, rules, projected, piece * kPiece, std::min(gaussians.size(), (piece + 1) * kPiece));
  });
}

std::array<float, 16> gaussian_project_backward(const Gaussians& gaussians, const View& view, GaussianRules rules,
                                                std::span<const int32_t> radii, const ProjectedGradient& d_projected,
                                                const GaussiansGradient& gradient, ThreadPool& pool) {
  if (isa() == Isa::kReference)
    return gaussian_project_backward_reference(gaussians, view, rules, radii, d_projected, gradient);
  const int64_t pieces = (gaussians.size() + kPiece - 1) / kPiece;
  std::vector<std::array<float, 12>> d_poses(pieces);
  pool.run(pieces, [&](int64_t piece, int) {
    HWY_DYNAMIC_DISPATCH(ProjectBackward)
    (gaussians, view, rules, radii, d_projected, gradient, piece * kPiece,
     std::min(gaussians.size(), (piece + 1) * kPiece), d_poses[piece].data());
  });
  std::array<double, 12> sum{};
  for (const auto& d_pose : d_poses)
    for (int entry = 0; entry < 12; ++entry) sum[entry] += d_pose[entry];
  std::array<float, 16> result{};
  for (int entry = 0; entry < 12; ++entry) result[entry] = static_cast<float>(sum[entry]);
  return result;
}

}  // namespace orrery::kernels
#endif
