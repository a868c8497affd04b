// A scene of 3D Gaussians (Kerbl et al. 2023, "3D Gaussian Splatting for Real-Time Radiance Field Rendering") as its
// parameters are trained and stored.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace orrery::splat {

inline constexpr int kMaxShDegree = 3;

/// Coefficients of one channel, the constant one included: (degree + 1)².
constexpr int sh_coefficients(int degree) { return (degree + 1) * (degree + 1); }

/// A struct of arrays: row n of each belongs to Gaussian n. Values are as INRIA's .ply has them, before any activation.
/// Axes are the ones the scene was trained in (COLMAP's: a camera looks along +z with y down).
struct Scene {
  std::vector<float> means;           ///< [count, 3], world units
  std::vector<float> log_scales;      ///< [count, 3], natural logarithms of the standard deviations
  std::vector<float> quats;           ///< [count, 4] w x y z, of any length: principal axes to world
  std::vector<float> opacity_logits;  ///< [count], opacity = sigmoid(logit)
  /// [count, sh_coefficients(sh_degree), 3], the constant first: colour = max(Σ basis·sh + 0.5, 0), signs as in 3DGS
  std::vector<float> sh;
  int sh_degree = 0;  ///< 0 to kMaxShDegree
  bool antialiased =
      false;  ///< trained with opacities that make up for the low-pass filter (Yu et al. 2024, Mip-Splatting)

  int64_t count() const { return static_cast<int64_t>(opacity_logits.size()); }
  int coefficients() const { return sh_coefficients(sh_degree); }

  /// Zeros of that many, and that degree.
  static Scene zeros(int64_t count, int sh_degree);
};

/// A scene whose values lie elsewhere.
struct SceneSpans {
  std::span<const float> means, log_scales, quats, opacity_logits, sh;  ///< as Scene has them
  int sh_degree = 0;
  bool antialiased = false;

  int64_t count() const { return static_cast<int64_t>(opacity_logits.size()); }
};
inline SceneSpans spans_of(const Scene& scene) {
  return {scene.means, scene.log_scales, scene.quats,      scene.opacity_logits,
          scene.sh,    scene.sh_degree,  scene.antialiased};
}

/// The Gaussians of those numbers, in that order.
Scene select(const Scene& scene, std::span<const int64_t> rows);

/// Where the centres lie; centres that are not finite are passed over. min > max where there is none.
struct Box {
  std::array<float, 3> min, max;
};
Box bounding_box(const Scene& scene);

}  // namespace orrery::splat
