// Gaussians to an image, and an image's gradient back to them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "orrery/base/camera.h"
#include "orrery/base/thread_pool.h"
#include "orrery/kernels/gaussian_project/gaussian_project.h"
#include "orrery/kernels/gaussian_raster/gaussian_raster.h"

namespace orrery::splat {

/// Gaussians before any activation, as they are learned and stored.
template <class Float>
struct Parameters {
  std::span<Float> means;           ///< [gaussians, 3] world units
  std::span<Float> log_scales;      ///< [gaussians, 3]
  std::span<Float> quats;           ///< [gaussians, 4] w x y z, of any length
  std::span<Float> opacity_logits;  ///< [gaussians]
  std::span<Float> sh;              ///< [gaussians, coefficients, 3], the constant first

  int64_t size() const { return static_cast<int64_t>(opacity_logits.size()); }
};

struct RenderOptions {
  kernels::GaussianRules rules = kernels::GaussianRules::kExact;
  bool antialiased = false;  ///< opacities make up for the low-pass filter (Yu et al. 2024, "Mip-Splatting", sec. 5.2)
  int sh_degree = 3;         ///< at most what there are coefficients for
  std::array<float, 3> background{};
  bool depth = false, normals = false;  ///< wanted too
};

/// Gradients of what draw() made; empty: 0.
struct DrawnGradient {
  std::span<const float> image, alpha, depth;
  std::span<const float> normals;  ///< none where they were not drawn
};

/// Gradients of Gaussians in the image, for density control. Empty: not wanted.
struct CentreGradient {
  std::span<float> means2d, means2d_absolute;  ///< [gaussians, 2], see kernels::RasterGradient
};

/// Memory is used again from image to image. Results do not depend on the number of threads.
class Renderer {
 public:
  explicit Renderer(ThreadPool& pool) : pool_(pool) {}

  /// Opacity sigmoid(logit), scales exp, colours by spherical harmonics; projected, sorted, composited. A Gaussian's
  /// normal is its shortest axis, turned towards the camera (as Jiang et al. 2024, "GaussianShader").
  void draw(const Parameters<const float>& gaussians, const View& view, const RenderOptions& options);
  // What it made, until the next one.
  std::span<const float> image() const { return image_; }  ///< [height, width, 3]
  std::span<const float> alpha() const { return alpha_; }  ///< [height, width]
  std::span<const float> depth() const { return depth_; }  ///< [height, width] Σ weight·z
  /// [height, width, 3] Σ weight·normal in the camera's axes (y down, z forward), of length 1; 0 where there is nothing
  std::span<const float> normals() const { return normals_; }
  std::span<const int32_t> radii() const { return radii_; }  ///< [gaussians, 2]; both > 0 where visible

  /// From the last draw()'s images to the parameters that it was given, all overwritten (zeros for what was not
  /// visible). Normals teach rotations, and through the weights everything else; not which axis is the shortest.
  /// Returns the gradient of view.camera_from_world. Throws Error where normals have a gradient and were not drawn.
  std::array<float, 16> backward(const Parameters<const float>& gaussians, const DrawnGradient& d_drawn,
                                 const Parameters<float>& gradient, const CentreGradient& centres = {});

  /// Behind backward(), whose gradient.sh may be empty, of the same parameters: rows of the gradient of sh from `first`
  /// on. It is four fifths of all gradients, and who uses it piece by piece needs no memory for it.
  void sh_gradient(const Parameters<const float>& gaussians, int64_t first, std::span<float> rows);

  int64_t bytes() const;  ///< of memory that it keeps

 private:
  void activate(const Parameters<const float>& gaussians);
  void join_normals(const Parameters<const float>& gaussians);
  void part_normals();
  void join_gradients(const DrawnGradient& d_drawn);
  void part_gradients(const Parameters<const float>& gaussians, std::span<float> d_quats,
                      std::array<float, 16>& d_pose);
  kernels::Gaussians activated(const Parameters<const float>& gaussians) const;
  kernels::RasterInput raster_input() const;
  kernels::RasterOutput raster_output();

  ThreadPool& pool_;
  View view_;
  RenderOptions options_;
  std::vector<float> scales_, opacities_, colours_;               // activated
  std::vector<float> means2d_, depths_, conics_, compensations_;  // projected
  std::vector<int32_t> radii_;
  std::vector<float> image_, alpha_, depth_, normals_;
  std::vector<float> joint_colours_, joint_image_;  // [.., 6]: with normals behind colours
  std::vector<float> d_joint_colours_, d_joint_image_;
  std::array<float, 6> joint_background_{};
  std::vector<float> d_means2d_, d_depths_, d_conics_, d_compensations_, d_colours_;
  kernels::RasterMemory memory_;
};

}  // namespace orrery::splat
