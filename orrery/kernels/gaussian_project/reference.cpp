#include <algorithm>
#include <cmath>

#include "orrery/kernels/gaussian_project/gaussian_project.h"
#include "orrery/kernels/gaussian_project/rules.h"

namespace orrery::kernels {
namespace {

using Vector = std::array<double, 3>;
using Matrix = std::array<Vector, 3>;

Matrix rotation_of(const View& view) {
  Matrix rotation;
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 3; ++column) rotation[row][column] = view.camera_from_world[4 * row + column];
  return rotation;
}

Matrix times(const Matrix& a, const Matrix& b) {
  Matrix product{};
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k) product[i][j] += a[i][k] * b[k][j];
  return product;
}

Matrix transposed(const Matrix& a) {
  Matrix result;
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j) result[j][i] = a[i][j];
  return result;
}

/// A quaternion of unit length, and the length it had.
struct Turn {
  double w, x, y, z, length;
};
Turn turn_of(const float* quat) {
  const double w = quat[0], x = quat[1], y = quat[2], z = quat[3];
  const double length = std::max(std::sqrt(w * w + x * x + y * y + z * z), 1e-12);
  return {w / length, x / length, y / length, z / length, length};
}

Matrix matrix_of(const Turn& q) {
  const auto [w, x, y, z, length] = q;
  return {{{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
           {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
           {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}}};
}

/// From the matrix's gradient to the quaternion's, through its normalisation.
std::array<double, 4> quat_gradient(const Turn& q, const Matrix& g) {
  const auto [w, x, y, z, length] = q;
  std::array<double, 4> d = {
      2 * (x * (g[2][1] - g[1][2]) + y * (g[0][2] - g[2][0]) + z * (g[1][0] - g[0][1])),
      2 * (y * (g[0][1] + g[1][0]) + z * (g[0][2] + g[2][0]) + w * (g[2][1] - g[1][2]) - 2 * x * (g[1][1] + g[2][2])),
      2 * (x * (g[0][1] + g[1][0]) + z * (g[1][2] + g[2][1]) + w * (g[0][2] - g[2][0]) - 2 * y * (g[0][0] + g[2][2])),
      2 * (x * (g[0][2] + g[2][0]) + y * (g[1][2] + g[2][1]) + w * (g[1][0] - g[0][1]) - 2 * z * (g[0][0] + g[1][1]))};
  const std::array<double, 4> unit = {w, x, y, z};
  double along = 0;
  for (int i = 0; i < 4; ++i) along += d[i] * unit[i];
  for (int i = 0; i < 4; ++i) d[i] = (d[i] - along * unit[i]) / length;
  return d;
}

/// Where a point of camera space is seen, the Jacobian there, and what the point gets back from both.
class Lens {
 public:
  Lens(const View& view, GaussianRules rules, const Vector& point) : view_(view), rules_(rules), point_(point) {
    view.projection == Projection::kPinhole ? see_pinhole() : see_fisheye();
  }
  double u = 0, v = 0;
  double jacobian[2][3] = {};  ///< u and v by x, y, z

  Vector gradient(double d_u, double d_v, const double (&d_jacobian)[2][3]) const {
    Vector d = view_.projection == Projection::kPinhole ? pinhole_gradient(d_jacobian) : fisheye_gradient(d_jacobian);
    const auto [x, y, z] = point_;
    if (view_.projection == Projection::kFisheye) {
      for (int axis = 0; axis < 3; ++axis) d[axis] += d_u * jacobian[0][axis] + d_v * jacobian[1][axis];
      return d;
    }
    d[0] += view_.fx / z * d_u;  // the mean itself is not clamped
    d[1] += view_.fy / z * d_v;
    d[2] -= (view_.fx * x * d_u + view_.fy * y * d_v) / (z * z);
    return d;
  }

 private:
  void see_pinhole() {
    const auto [x, y, z] = point_;
    u = view_.fx * x / z + view_.cx;
    v = view_.fy * y / z + view_.cy;
    limits_[0] = slope_limits(rules_, view_.width, view_.fx, view_.cx);
    limits_[1] = slope_limits(rules_, view_.height, view_.fy, view_.cy);
    for (int row = 0; row < 2; ++row) {
      slope_[row] = std::clamp(point_[row] / z, limits_[row].least, limits_[row].most);
      clamped_[row] = slope_[row] != point_[row] / z;
      jacobian[row][row] = focal(row) / z;
      jacobian[row][2] = -focal(row) * slope_[row] / z;
    }
  }

  Vector pinhole_gradient(const double (&d_jacobian)[2][3]) const {
    const double z = point_[2];
    Vector d{};
    for (int row = 0; row < 2; ++row) {
      const double across = focal(row) / (z * z);
      d[2] -= across * d_jacobian[row][row];
      if (!clamped_[row]) d[row] -= across * d_jacobian[row][2];
      const bool constant = rules_ == GaussianRules::kInria;  // x, not x/z
      d[2] += (clamped_[row] && !constant ? 1 : 2) * across * slope_[row] * d_jacobian[row][2];
    }
    return d;
  }

  /// With r² = x² + y² and a = θ(r)/r: ∂a/∂(x, y, z) = (b·x, b·y, -1/(r² + z²)), b = (z/(r² + z²) - a)/r², and
  /// ∂b/∂(x, y, z) = (c·x, c·y, 2/(r² + z²)²), c = -(2z/(r² + z²)² + 3b)/r².
  void see_fisheye() {
    const auto [x, y, z] = point_;
    const double squares = x * x + y * y, all = squares + z * z, t2 = squares / (z * z);
    inverse_ = 1 / all;
    if (t2 < 1e-4) {  // around the axis by their series
      a_ = (1 - t2 / 3 + t2 * t2 / 5) / z;
      b_ = (-2.0 / 3 + t2 * (4.0 / 5 - t2 * 6 / 7)) / (z * z * z);
      c_ = (8.0 / 5 + t2 * (-24.0 / 7 + t2 * 16 / 3)) / (z * z * z * z * z);
    } else {
      const double r = std::sqrt(squares);
      a_ = std::atan2(r, z) / r;
      b_ = (z * inverse_ - a_) / squares;
      c_ = -(2 * z * inverse_ * inverse_ + 3 * b_) / squares;
    }
    u = view_.fx * a_ * x + view_.cx;
    v = view_.fy * a_ * y + view_.cy;
    const double rows[2][3] = {{a_ + b_ * x * x, b_ * x * y, -x * inverse_},
                               {b_ * x * y, a_ + b_ * y * y, -y * inverse_}};
    for (int row = 0; row < 2; ++row)
      for (int axis = 0; axis < 3; ++axis) jacobian[row][axis] = focal(row) * rows[row][axis];
  }

  Vector fisheye_gradient(const double (&d_jacobian)[2][3]) const {
    const auto [x, y, z] = point_;
    const double inverse2 = inverse_ * inverse_;
    const double d00 = view_.fx * d_jacobian[0][0], d01 = view_.fx * d_jacobian[0][1] + view_.fy * d_jacobian[1][0],
                 d11 = view_.fy * d_jacobian[1][1], d02 = view_.fx * d_jacobian[0][2],
                 d12 = view_.fy * d_jacobian[1][2];
    const double d_a = d00 + d11, d_b = d00 * x * x + d01 * x * y + d11 * y * y;
    const double d_inverse = -(d02 * x + d12 * y);  // of 1/(r² + z²)
    const double radial = d_a * b_ + d_b * c_ - 2 * inverse2 * d_inverse;
    return {radial * x + b_ * (2 * x * d00 + y * d01) - inverse_ * d02,
            radial * y + b_ * (2 * y * d11 + x * d01) - inverse_ * d12,
            -inverse_ * d_a + 2 * inverse2 * d_b - 2 * z * inverse2 * d_inverse};
  }

  double focal(int row) const { return row == 0 ? view_.fx : view_.fy; }

  const View& view_;
  GaussianRules rules_;
  Vector point_;
  SlopeLimits limits_[2] = {};
  double slope_[2] = {};
  bool clamped_[2] = {};
  double inverse_ = 0, a_ = 0, b_ = 0, c_ = 0;
};

/// Everything between a Gaussian and its ellipse.
struct Projected {
  Projected(const Gaussians& gaussians, int64_t i, const View& view, GaussianRules rules)
      : rotation(rotation_of(view)),
        turn(turn_of(gaussians.quats.data() + 4 * i)),
        local(matrix_of(turn)),
        mean{gaussians.means[3 * i], gaussians.means[3 * i + 1], gaussians.means[3 * i + 2]},
        scale{gaussians.scales[3 * i], gaussians.scales[3 * i + 1], gaussians.scales[3 * i + 2]},
        point(into_camera(view)),
        lens(view, rules, point),
        turned(times(rotation, local)) {
    for (int row = 0; row < 2; ++row)
      for (int j = 0; j < 3; ++j)
        for (int k = 0; k < 3; ++k) root[row][j] += lens.jacobian[row][k] * turned[k][j] * scale[j];
    for (int j = 0; j < 3; ++j) {
      xx += root[0][j] * root[0][j];
      xy += root[0][j] * root[1][j];
      yy += root[1][j] * root[1][j];
    }
    before = xx * yy - xy * xy;
    after = before + kLowPass * (xx + yy) + kLowPass * kLowPass;
    compensation = std::max(std::sqrt(std::max(before, 0.0) / after), kSmallestCompensation);
  }

  Vector into_camera(const View& view) const {
    Vector result;
    for (int row = 0; row < 3; ++row) {
      result[row] = view.camera_from_world[4 * row + 3];
      for (int k = 0; k < 3; ++k) result[row] += rotation[row][k] * mean[k];
    }
    return result;
  }

  Matrix rotation;  // camera from world
  Turn turn;
  Matrix local;  // world from the Gaussian's own axes
  Vector mean, scale, point;
  Lens lens;
  Matrix turned;           // rotation · local
  double root[2][3] = {};  // the covariance is root·rootᵀ before the low-pass
  double xx = 0, xy = 0, yy = 0, before = 0, after = 0, compensation = 0;
};

/// Both 0 where culled.
std::array<double, 2> radii_of(const Projected& p, const View& view, GaussianRules rules, const float* opacity) {
  if (!(p.point[2] > near_plane(rules))) return {0, 0};
  const double xx = p.xx + kLowPass, yy = p.yy + kLowPass, u = p.lens.u, v = p.lens.v;
  if (rules == GaussianRules::kInria) {
    const double middle = (xx + yy) / 2;
    const double most = middle + std::sqrt(std::max(kInriaSmallestSpread, middle * middle - p.after));
    const double r = std::min(std::ceil(kInriaReach * std::sqrt(most)), kMostPixels);
    // Its coordinates are ours less 0.5; a tile begins at each 16th.
    const auto touches = [r](double at, int size) {
      const int tiles = (size + kGaussianTile - 1) / kGaussianTile;
      return at + r >= 1 && at - r < kGaussianTile * tiles;
    };
    return touches(u - 0.5, view.width) && touches(v - 0.5, view.height) ? std::array{r, r} : std::array{0.0, 0.0};
  }
  double reach = kReach;
  if (opacity) {
    if (*opacity < kFaintest) return {0, 0};
    reach = std::min(reach, std::sqrt(2 * std::log(*opacity / kFaintest)));
  }
  const double rx = std::min(std::ceil(reach * std::sqrt(xx)), kMostPixels),
               ry = std::min(std::ceil(reach * std::sqrt(yy)), kMostPixels);
  const bool inside = u + rx > 0 && u - rx < view.width && v + ry > 0 && v - ry < view.height;
  return inside ? std::array{rx, ry} : std::array{0.0, 0.0};
}

}  // namespace

void gaussian_project_reference(const Gaussians& gaussians, const View& view, GaussianRules rules,
                                const ProjectedGaussians& projected) {
  for (int64_t i = 0; i < gaussians.size(); ++i) {
    const Projected p(gaussians, i, view, rules);
    const auto radii = radii_of(p, view, rules, gaussians.opacities.empty() ? nullptr : &gaussians.opacities[i]);
    const bool visible = radii[0] > 0 && radii[1] > 0;
    const auto store = [visible](double value, float& to) { to = visible ? static_cast<float>(value) : 0; };
    store(p.lens.u, projected.means2d[2 * i]);
    store(p.lens.v, projected.means2d[2 * i + 1]);
    store(p.point[2], projected.depths[i]);
    store((p.yy + kLowPass) / p.after, projected.conics[3 * i]);
    store(-p.xy / p.after, projected.conics[3 * i + 1]);
    store((p.xx + kLowPass) / p.after, projected.conics[3 * i + 2]);
    store(p.compensation, projected.compensations[i]);
    for (int axis = 0; axis < 2; ++axis)
      projected.radii[2 * i + axis] = visible ? static_cast<int32_t>(radii[axis]) : 0;
  }
}

std::array<float, 16> gaussian_project_backward_reference(const Gaussians& gaussians, const View& view,
                                                          GaussianRules rules, std::span<const int32_t> radii,
                                                          const ProjectedGradient& d_projected,
                                                          const GaussiansGradient& gradient) {
  for (const auto part : {gradient.means, gradient.quats, gradient.scales}) std::ranges::fill(part, 0.f);
  Matrix d_rotation{};
  Vector d_translation{};
  for (int64_t i = 0; i < gaussians.size(); ++i) {
    if (radii[2 * i] <= 0 || radii[2 * i + 1] <= 0) continue;
    const Projected p(gaussians, i, view, rules);
    const double a = (p.yy + kLowPass) / p.after, b = -p.xy / p.after, c = (p.xx + kLowPass) / p.after;
    // Of the covariance: -K G K, K the conic as a matrix and G its gradient; b stands in it twice.
    const double d_a = d_projected.conics[3 * i], d_b = 0.5 * d_projected.conics[3 * i + 1],
                 d_c = d_projected.conics[3 * i + 2];
    double d_xx = -(a * a * d_a + 2 * a * b * d_b + b * b * d_c);
    double d_xy = -(a * b * d_a + (a * c + b * b) * d_b + b * c * d_c);
    double d_yy = -(b * b * d_a + 2 * b * c * d_b + c * c * d_c);
    if (!d_projected.compensations.empty() && p.compensation > kSmallestCompensation) {
      const double ratio = p.before / p.after, d_ratio = d_projected.compensations[i] / (2 * p.compensation);
      d_xx += d_ratio * (p.yy / p.after - ratio * a);
      d_xy += d_ratio * (-p.xy / p.after - ratio * b);
      d_yy += d_ratio * (p.xx / p.after - ratio * c);
    }
    double d_root[2][3], d_jacobian[2][3] = {};
    Matrix d_turned;
    for (int j = 0; j < 3; ++j) {
      d_root[0][j] = 2 * (d_xx * p.root[0][j] + d_xy * p.root[1][j]);
      d_root[1][j] = 2 * (d_xy * p.root[0][j] + d_yy * p.root[1][j]);
      double d_scale = 0;
      for (int k = 0; k < 3; ++k) {
        const double d = p.lens.jacobian[0][k] * d_root[0][j] + p.lens.jacobian[1][k] * d_root[1][j];
        d_scale += d * p.turned[k][j];
        d_turned[k][j] = d * p.scale[j];
        for (int row = 0; row < 2; ++row) d_jacobian[row][k] += d_root[row][j] * p.turned[k][j] * p.scale[j];
      }
      gradient.scales[3 * i + j] = static_cast<float>(d_scale);
    }
    const auto d_quat = quat_gradient(p.turn, times(transposed(p.rotation), d_turned));
    for (int k = 0; k < 4; ++k) gradient.quats[4 * i + k] = static_cast<float>(d_quat[k]);

    Vector d_point = p.lens.gradient(d_projected.means2d[2 * i], d_projected.means2d[2 * i + 1], d_jacobian);
    if (!d_projected.depths.empty()) d_point[2] += d_projected.depths[i];
    const Matrix of_rotation = times(d_turned, transposed(p.local));
    for (int row = 0; row < 3; ++row) {
      double d_mean = 0;
      for (int k = 0; k < 3; ++k) {
        d_mean += p.rotation[k][row] * d_point[k];
        d_rotation[row][k] += of_rotation[row][k] + d_point[row] * p.mean[k];
      }
      gradient.means[3 * i + row] = static_cast<float>(d_mean);
      d_translation[row] += d_point[row];
    }
  }
  std::array<float, 16> d_pose{};
  for (int row = 0; row < 3; ++row) {
    for (int k = 0; k < 3; ++k) d_pose[4 * row + k] = static_cast<float>(d_rotation[row][k]);
    d_pose[4 * row + 3] = static_cast<float>(d_translation[row]);
  }
  return d_pose;
}

}  // namespace orrery::kernels
