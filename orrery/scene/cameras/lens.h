// What a lens does to rays: COLMAP's camera models, forth and back, in double.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "orrery/base/camera.h"
#include "orrery/formats/colmap.h"

namespace orrery::scene {

using Pixel = std::array<double, 2>;   ///< column and row, the first pixel's centre at (0.5, 0.5)
using Vector = std::array<double, 3>;  ///< camera space, axes as in orrery/base/camera.h

/// A camera model with its parameters. A ray becomes a point a of a plane, the plane is bent, and the bent point b
/// becomes a pixel f·b + c:
///   pinhole models  a = (x/z, y/z)
///   fisheye models  a = θ/r·(x, y), r = √(x² + y²), θ = atan2(r, z)
/// Bends, with u, v = a, r² = u² + v² (Brown 1971; OpenCV's calib3d for the names k and p):
///   SIMPLE_RADIAL … FULL_OPENCV  a·(1 + k1·r² + k2·r⁴ + k3·r⁶)/(1 + k4·r² + k5·r⁴ + k6·r⁶)
///                                + (2·p1·u·v + p2·(r² + 2u²), 2·p2·u·v + p1·(r² + 2v²))
///   …_FISHEYE                    the same of the fisheye's a, with k1 to k4; THIN_PRISM adds (sx1, sy1)·r² (Weng 1992)
///   RAD_TAN_THIN_PRISM_FISHEYE   six k, then p and s0 to s3 of the point so far (Project Aria's Fisheye624)
///   FOV                          a·atan(2·r·tan(ω/2))/(r·ω) (Devernay and Faugeras 2001)
///   DIVISION                     the b with a = b/(1 + k·|b|²) (Fitzgibbon 2001)
///   EUCM                         (x, y)/(α·√(β(x² + y²) + z²) + (1 - α)·z) (Khomutenko et al. 2016)
///   EQUIRECTANGULAR              longitude over the width, latitude over the height
/// Safe from many threads.
class Lens {
 public:
  /// Throws Error naming the camera where a focal length is not positive, or where the parameters are fewer or more
  /// than the model's.
  explicit Lens(const formats::ColmapCamera& camera);

  /// Where a point is seen. Nothing where the model sees it nowhere: behind the camera (but for EQUIRECTANGULAR and
  /// fisheye models, which see more than half a sphere), or so far out that the polynomial has turned back on itself,
  /// where it would show the point a second time.
  std::optional<Pixel> pixel_from_camera(const Vector& point) const;

  /// The unit vector whose pixel this is, by Newton's method with at most kMaxSteps steps where there is no closed
  /// form; nothing where none is seen there. pixel_from_camera of it is the pixel to 1e-9 of the focal length.
  std::optional<Vector> camera_from_pixel(const Pixel& pixel) const;
  static constexpr int kMaxSteps = 100;

  /// fisheye models and EQUIRECTANGULAR
  bool is_wide() const { return wide_; }
  /// A pinhole or an equidistant fisheye without any bend, which orrery::View can say.
  bool is_plain() const;
  double fx() const { return fx_; }
  double fy() const { return fy_; }
  double cx() const { return cx_; }
  double cy() const { return cy_; }

  enum class Bend { kNone, kPolynomial, kAria, kFov, kDivision, kEucm };

 private:
  using Plane = std::array<double, 2>;

  Plane bent(const Plane& a) const;
  std::optional<Plane> unbent(const Plane& b) const;
  std::optional<Plane> unbent_by_newton(const Plane& b) const;
  std::array<double, 4> jacobian(const Plane& a) const;
  double turning_radius() const;

  formats::CameraModel model_;
  Bend bend_ = Bend::kNone;
  bool wide_ = false;
  double width_, height_;
  double fx_ = 0, fy_ = 0, cx_ = 0, cy_ = 0;
  // Of kPolynomial: k1 … k6, p1, p2, sx1, sy1. Of the others: their own, in the model's order.
  std::array<double, 12> bends_ = {};
  double largest_radius_ = 0;  // of a, before the polynomial turns back
};

/// The camera of a plain lens, standing at the origin.
View view_of(const Lens& lens, int width, int height);

/// Where a view sees a point, by the formulas of orrery/base/camera.h; nothing where z ≤ 0.
std::optional<Pixel> pixel_from_camera(const View& view, const Vector& point);
/// The unit vector to a pixel; nothing where a fisheye's angle reaches 90°.
std::optional<Vector> camera_from_pixel(const View& view, const Pixel& pixel);

}  // namespace orrery::scene
