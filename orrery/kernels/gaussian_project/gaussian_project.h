// 3D Gaussians onto an image plane: elliptical weighted averaging (Zwicker et al. 2001, "EWA Volume Splatting"; Kerbl
// et al. 2023, "3D Gaussian Splatting", sec. 4).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "orrery/base/camera.h"
#include "orrery/base/thread_pool.h"

namespace orrery::kernels {

/// Where the two programs that everyone compares with differ.
///                       kExact: gsplat                                kInria: the paper's authors
///   near plane          0.01                                          0.2
///   radius              per axis ⌈3.33·σ⌉: alpha falls below 1/255    ⌈3·√λ_max⌉, the same for both axes
///                       inside it
///   drawn in            every pixel where alpha ≥ 1/255               the 16×16 tiles that the square of that radius
///                                                                     touches
///   culled              the radius does not reach the image           no tile is touched
///   beside the frustum  the slope x/z is clamped at 15 % of the       at 1.3 times the half width, whatever the
///                       width past the image's edges, and the         principal point; backward takes the clamped x
///                       and gradient follows                              y for constants
///   a pixel stops       before transmittance would be ≤ 1e-4          before it would be < 1e-4
///   alpha at 0.99       has no gradient                               has that of the unclamped alpha
enum class GaussianRules { kExact, kInria };

/// Pixels to a side of a tile.
constexpr int kGaussianTile = 16;

/// N Gaussians of covariance R(quat)·diag(scale²)·R(quat)ᵀ.
struct Gaussians {
  std::span<const float> means;   ///< [gaussians, 3] world units
  std::span<const float> quats;   ///< [gaussians, 4] w x y z, any length
  std::span<const float> scales;  ///< [gaussians, 3] standard deviations, world units
  /// [gaussians], or empty. Given, and with kExact, a radius shrinks to min(3.33, √(2 ln(255·opacity)))·σ, and a
  /// Gaussian whose opacity is below 1/255 is culled.
  std::span<const float> opacities = {};

  int64_t size() const { return static_cast<int64_t>(means.size()) / 3; }
};

/// 0 everywhere for a Gaussian that is culled.
struct ProjectedGaussians {
  std::span<float> means2d;        ///< [gaussians, 2] pixels, the first one's centre at (0.5, 0.5)
  std::span<float> depths;         ///< [gaussians] camera z
  std::span<float> conics;         ///< [gaussians, 3] a, b, c of the inverse 2D covariance [[a, b], [b, c]], 1/pixels²
  std::span<float> compensations;  ///< [gaussians] √(det before / after the low-pass), at least 0.005
  std::span<int32_t> radii;        ///< [gaussians, 2] pixels; both > 0 where visible
};

/// The 2D covariance is J R Σ Rᵀ Jᵀ + 0.3·I (a low-pass of about a pixel), J the projection's Jacobian at the mean (at
/// the clamped mean for a pinhole, see GaussianRules). Reads 40 bytes per Gaussian and writes 36, with some 200
/// operations; the same on any number of threads.
void gaussian_project(const Gaussians& gaussians, const View& view, GaussianRules rules,
                      const ProjectedGaussians& projected, ThreadPool& pool);

/// What came back to the outputs of gaussian_project.
struct ProjectedGradient {
  std::span<const float> means2d, conics;        ///< [gaussians, 2], [gaussians, 3]
  std::span<const float> depths, compensations;  ///< [gaussians], or empty: 0
};

struct GaussiansGradient {
  std::span<float> means, quats, scales;  ///< as those of Gaussians; overwritten, with 0 for what is culled
};

/// `radii` are the projection's and say what is visible. Returns the gradient of view.camera_from_world, its entries
/// taken as independent of each other, the last row 0.
std::array<float, 16> gaussian_project_backward(const Gaussians& gaussians, const View& view, GaussianRules rules,
                                                std::span<const int32_t> radii, const ProjectedGradient& d_projected,
                                                const GaussiansGradient& gradient, ThreadPool& pool);

/// In plain loops, in double between loads and stores.
void gaussian_project_reference(const Gaussians& gaussians, const View& view, GaussianRules rules,
                                const ProjectedGaussians& projected);
std::array<float, 16> gaussian_project_backward_reference(const Gaussians& gaussians, const View& view,
                                                          GaussianRules rules, std::span<const int32_t> radii,
                                                          const ProjectedGradient& d_projected,
                                                          const GaussiansGradient& gradient);

}  // namespace orrery::kernels
