#include "orrery/scene/cameras/lens.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "orrery/base/error.h"

namespace orrery::scene {
namespace {

using formats::CameraModel;
using std::numbers::pi;

constexpr double kWidestPinhole = 20;  // tan(87°): no pinhole picture reaches it

std::array<double, 2> scaled(const std::array<double, 2>& a, double factor) { return {a[0] * factor, a[1] * factor}; }

Vector unit(double x, double y, double z) {
  const double length = std::hypot(x, y, z);
  return {x / length, y / length, z / length};
}

// The fisheye's plane, and back. Any angle below 180°.
std::array<double, 2> fisheye_from_camera(const Vector& p) {
  const double r = std::hypot(p[0], p[1]);
  return scaled({p[0], p[1]}, r > 0 ? std::atan2(r, p[2]) / r : 1 / p[2]);
}
Vector camera_from_fisheye(const std::array<double, 2>& a) {
  const double theta = std::hypot(a[0], a[1]), share = theta > 0 ? std::sin(theta) / theta : 1;
  return {a[0] * share, a[1] * share, std::cos(theta)};
}

// Where each of a model's parameters behind the principal point goes in bends_: the polynomial's order is k1 … k6, p1,
// p2, sx1, sy1, which is not COLMAP's.
struct BendsOf {
  CameraModel model;
  Lens::Bend bend;
  std::vector<size_t> slots;
};
const std::vector<BendsOf> kBendsOf = {
    {CameraModel::kSimpleRadial, Lens::Bend::kPolynomial, {0}},
    {CameraModel::kRadial, Lens::Bend::kPolynomial, {0, 1}},
    {CameraModel::kOpenCv, Lens::Bend::kPolynomial, {0, 1, 6, 7}},
    {CameraModel::kOpenCvFisheye, Lens::Bend::kPolynomial, {0, 1, 2, 3}},
    {CameraModel::kFullOpenCv, Lens::Bend::kPolynomial, {0, 1, 6, 7, 2, 3, 4, 5}},
    {CameraModel::kFov, Lens::Bend::kFov, {0}},
    {CameraModel::kSimpleRadialFisheye, Lens::Bend::kPolynomial, {0}},
    {CameraModel::kRadialFisheye, Lens::Bend::kPolynomial, {0, 1}},
    {CameraModel::kThinPrismFisheye, Lens::Bend::kPolynomial, {0, 1, 6, 7, 2, 3, 8, 9}},
    {CameraModel::kRadTanThinPrismFisheye, Lens::Bend::kAria, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
    {CameraModel::kSimpleDivision, Lens::Bend::kDivision, {0}},
    {CameraModel::kDivision, Lens::Bend::kDivision, {0}},
    {CameraModel::kEucm, Lens::Bend::kEucm, {0, 1}},
};

}  // namespace

Lens::Lens(const formats::ColmapCamera& camera)
    : model_(camera.model), width_(static_cast<double>(camera.width)), height_(static_cast<double>(camera.height)) {
  const formats::CameraModelInfo& info = formats::info_of(model_);
  const auto refuse = [&](std::string found, std::string expected) {
    throw Error({.doing = "use a camera",
                 .where = fmt::format("camera {}, {}", camera.id, info.name),
                 .found = std::move(found),
                 .expected = std::move(expected)});
  };
  const std::vector<double>& given = camera.parameters;
  if (given.size() != info.parameters.size())
    refuse(fmt::format("{} parameters", given.size()), fmt::format("{}", info.parameters.size()));
  if (model_ == CameraModel::kEquirectangular) {
    wide_ = true;
    fx_ = width_ / (2 * pi);
    fy_ = height_ / pi;
    cx_ = width_ / 2;
    cy_ = height_ / 2;
    return;
  }
  const size_t focals = info.parameters.front() == "f" ? 1 : 2;
  fx_ = given[0];
  fy_ = given[focals - 1];
  cx_ = given[focals];
  cy_ = given[focals + 1];
  if (!(fx_ > 0 && fy_ > 0)) refuse(fmt::format("a focal length of {}", std::min(fx_, fy_)), "more than 0");
  wide_ = info.name.find("FISHEYE") != info.name.npos;

  if (const auto row = std::ranges::find(kBendsOf, model_, &BendsOf::model); row != kBendsOf.end()) {
    bend_ = row->bend;
    for (size_t i = 0; i < row->slots.size(); ++i) bends_[row->slots[i]] = given[focals + 2 + i];
  }
  if (std::ranges::all_of(bends_, [](double value) { return value == 0; })) bend_ = Bend::kNone;
  largest_radius_ = turning_radius();
}

bool Lens::is_plain() const { return bend_ == Bend::kNone && model_ != CameraModel::kEquirectangular; }

Lens::Plane Lens::bent(const Plane& a) const {
  const auto& [u, v] = a;
  const double r2 = u * u + v * v;
  const auto& b = bends_;
  switch (bend_) {
    case Bend::kPolynomial: {
      const double r4 = r2 * r2, r6 = r4 * r2;
      // A fisheye has four k in a row; FULL_OPENCV's k4 to k6 stand below the fraction line.
      const double radial = wide_ ? 1 + b[0] * r2 + b[1] * r4 + b[2] * r6 + b[3] * r4 * r4
                                  : (1 + b[0] * r2 + b[1] * r4 + b[2] * r6) / (1 + b[3] * r2 + b[4] * r4 + b[5] * r6);
      return {u * radial + 2 * b[6] * u * v + b[7] * (r2 + 2 * u * u) + b[8] * r2,
              v * radial + 2 * b[7] * u * v + b[6] * (r2 + 2 * v * v) + b[9] * r2};
    }
    case Bend::kAria: {
      double radial = 1, power = 1;
      for (size_t i = 0; i < 6; ++i) radial += b[i] * (power *= r2);
      const double x = u * radial, y = v * radial, s2 = x * x + y * y, s4 = s2 * s2;
      return {x + 2 * b[7] * x * y + b[6] * (s2 + 2 * x * x) + b[8] * s2 + b[9] * s4,
              y + 2 * b[6] * x * y + b[7] * (s2 + 2 * y * y) + b[10] * s2 + b[11] * s4};
    }
    case Bend::kFov: {
      const double r = std::sqrt(r2), tangent = 2 * std::tan(b[0] / 2);
      return scaled(a, r > 0 ? std::atan(r * tangent) / (r * b[0]) : tangent / b[0]);
    }
    case Bend::kDivision:  // k·ρ·s² - s + ρ = 0 for s = |b|, ρ = |a|
      return scaled(a, 2 / (1 + std::sqrt(1 - 4 * b[0] * r2)));
    case Bend::kEucm:
      return scaled(a, 1 / (b[0] * std::sqrt(b[1] * r2 + 1) + 1 - b[0]));
    case Bend::kNone:
      break;
  }
  return a;
}

std::optional<Lens::Plane> Lens::unbent(const Plane& b) const {
  const double r2 = b[0] * b[0] + b[1] * b[1];
  switch (bend_) {
    case Bend::kNone:
      return b;
    case Bend::kFov: {
      const double r = std::sqrt(r2), omega = bends_[0];
      if (r * std::abs(omega) >= pi / 2) return std::nullopt;
      const double tangent = 2 * std::tan(omega / 2);
      return scaled(b, r > 0 ? std::tan(r * omega) / (r * tangent) : omega / tangent);
    }
    case Bend::kDivision: {
      const double below = 1 + bends_[0] * r2;
      if (!(below > 0) || bends_[0] * r2 > 1) return std::nullopt;  // beyond 1 the model would show a point twice
      return scaled(b, 1 / below);
    }
    case Bend::kEucm: {
      const double alpha = bends_[0], beta = bends_[1], root = 1 - (2 * alpha - 1) * beta * r2;
      if (!(root >= 0)) return std::nullopt;
      const double z = (1 - alpha * alpha * beta * r2) / (alpha * std::sqrt(root) + 1 - alpha);
      if (!(z > 0)) return std::nullopt;
      return scaled(b, 1 / z);
    }
    case Bend::kPolynomial:
    case Bend::kAria:
      break;
  }
  return unbent_by_newton(b);
}

// Central differences: Newton's method needs no better, since what it converges to is the zero of bent() itself.
std::array<double, 4> Lens::jacobian(const Plane& a) const {
  constexpr double kStep = 1e-6;
  const Plane right = bent({a[0] + kStep, a[1]}), left = bent({a[0] - kStep, a[1]}), below = bent({a[0], a[1] + kStep}),
              above = bent({a[0], a[1] - kStep});
  const double scale = 0.5 / kStep;
  return {(right[0] - left[0]) * scale, (below[0] - above[0]) * scale, (right[1] - left[1]) * scale,
          (below[1] - above[1]) * scale};
}

std::optional<Lens::Plane> Lens::unbent_by_newton(const Plane& b) const {
  constexpr double kClose = 1e-12, kGoodEnough = 1e-9;
  // Nothing beyond the turning point has a place, so the search starts and stays inside.
  const auto inside = [&](Plane a) {
    const double r = std::hypot(a[0], a[1]);
    return r > largest_radius_ ? scaled(a, 0.999 * largest_radius_ / r) : a;
  };
  Plane a = inside(b);
  double residual = 0;
  for (int step = 0; step < kMaxSteps; ++step) {
    const Plane at = bent(a);
    const double du = b[0] - at[0], dv = b[1] - at[1];
    residual = std::hypot(du, dv);
    if (residual < kClose) break;
    const auto [j00, j01, j10, j11] = jacobian(a);
    const double det = j00 * j11 - j01 * j10;
    if (!(std::abs(det) > 1e-12)) return std::nullopt;
    const double longest = 0.1 + 0.5 * std::hypot(a[0], a[1]);
    Plane move = {(j11 * du - j01 * dv) / det, (j00 * dv - j10 * du) / det};
    if (const double length = std::hypot(move[0], move[1]); length > longest) move = scaled(move, longest / length);
    a = inside({a[0] + move[0], a[1] + move[1]});
  }
  if (!(residual < kGoodEnough)) return std::nullopt;
  return a;
}

// How far from the axis the bend stays one-to-one: the smallest radius, along sixteen directions, where the Jacobian's
// determinant is no longer positive.
double Lens::turning_radius() const {
  const double limit = wide_ ? pi : kWidestPinhole;
  if (bend_ != Bend::kPolynomial && bend_ != Bend::kAria) return limit;
  constexpr int kDirections = 16, kSteps = 2000;
  double radius = limit;
  for (int direction = 0; direction < kDirections; ++direction) {
    const double angle = 2 * pi * direction / kDirections, c = std::cos(angle), s = std::sin(angle);
    for (int step = 1; step <= kSteps; ++step) {
      const double r = limit * step / kSteps;
      if (r >= radius) break;
      const auto [j00, j01, j10, j11] = jacobian({r * c, r * s});
      if (!(j00 * j11 - j01 * j10 > 0 && j00 + j11 > 0)) radius = limit * (step - 1) / kSteps;
    }
  }
  return radius;
}

std::optional<Pixel> Lens::pixel_from_camera(const Vector& point) const {
  const auto& [x, y, z] = point;
  if (model_ == CameraModel::kEquirectangular) {
    if (x == 0 && y == 0 && z == 0) return std::nullopt;
    return Pixel{(std::atan2(x, z) / (2 * pi) + 0.5) * width_, (std::atan2(y, std::hypot(x, z)) / pi + 0.5) * height_};
  }
  if (!(z > 0) && !(wide_ && std::hypot(x, y) > 0)) return std::nullopt;
  const Plane a = wide_ ? fisheye_from_camera(point) : Plane{x / z, y / z};
  if (std::hypot(a[0], a[1]) > largest_radius_) return std::nullopt;
  const Plane b = bent(a);
  if (!std::isfinite(b[0]) || !std::isfinite(b[1])) return std::nullopt;
  return Pixel{fx_ * b[0] + cx_, fy_ * b[1] + cy_};
}

std::optional<Vector> Lens::camera_from_pixel(const Pixel& pixel) const {
  if (model_ == CameraModel::kEquirectangular) {
    const double longitude = (pixel[0] / width_ - 0.5) * 2 * pi, latitude = (pixel[1] / height_ - 0.5) * pi;
    if (std::abs(longitude) > pi || std::abs(latitude) > pi / 2) return std::nullopt;
    return Vector{std::cos(latitude) * std::sin(longitude), std::sin(latitude),
                  std::cos(latitude) * std::cos(longitude)};
  }
  const auto a = unbent({(pixel[0] - cx_) / fx_, (pixel[1] - cy_) / fy_});
  if (!a || std::hypot((*a)[0], (*a)[1]) > largest_radius_) return std::nullopt;
  return wide_ ? camera_from_fisheye(*a) : unit((*a)[0], (*a)[1], 1);
}

View view_of(const Lens& lens, int width, int height) {
  return {.projection = lens.is_wide() ? Projection::kFisheye : Projection::kPinhole,
          .width = width,
          .height = height,
          .fx = static_cast<float>(lens.fx()),
          .fy = static_cast<float>(lens.fy()),
          .cx = static_cast<float>(lens.cx()),
          .cy = static_cast<float>(lens.cy())};
}

std::optional<Pixel> pixel_from_camera(const View& view, const Vector& point) {
  if (!(point[2] > 0)) return std::nullopt;
  const auto a = view.projection == Projection::kFisheye
                     ? fisheye_from_camera(point)
                     : std::array<double, 2>{point[0] / point[2], point[1] / point[2]};
  return Pixel{view.fx * a[0] + view.cx, view.fy * a[1] + view.cy};
}

std::optional<Vector> camera_from_pixel(const View& view, const Pixel& pixel) {
  const std::array<double, 2> a = {(pixel[0] - view.cx) / view.fx, (pixel[1] - view.cy) / view.fy};
  if (view.projection == Projection::kPinhole) return unit(a[0], a[1], 1);
  if (std::hypot(a[0], a[1]) >= pi / 2) return std::nullopt;
  return camera_from_fisheye(a);
}

}  // namespace orrery::scene
