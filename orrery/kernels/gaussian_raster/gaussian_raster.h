// Projected Gaussians into an image: sorted by depth, composited front to back in tiles, and back again (Kerbl et al.
// 2023, "3D Gaussian Splatting", sec. 6 and appendix C).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "orrery/base/thread_pool.h"
#include "orrery/kernels/gaussian_project/gaussian_project.h"

namespace orrery::kernels {

/// Channels of a Gaussian, its depth among them where that is wanted.
constexpr int kMostRasterChannels = 8;

struct RasterInput {
  GaussianRules rules = GaussianRules::kExact;
  int width = 0, height = 0;
  std::span<const float> means2d, depths, conics;  ///< as gaussian_project leaves them; depths > 0
  std::span<const int32_t> radii;                  ///< [gaussians, 2]; both > 0 where visible
  std::span<const float> opacities;                ///< [gaussians], 0…1
  std::span<const float> compensations;            ///< [gaussians]: opacities are multiplied by it; empty: by 1
  int channels = 3;                                ///< of colours; normals or features can stand beside the three
  std::span<const float> colours;                  ///< [gaussians, channels]
  std::span<const float> background;               ///< [channels]; empty: 0

  int64_t size() const { return static_cast<int64_t>(depths.size()); }
};

struct RasterOutput {
  std::span<float> image;                 ///< [height, width, channels]
  std::span<float> alpha;                 ///< [height, width]
  std::span<float> depth;                 ///< [height, width] Σ weight·z, not divided by alpha. Empty: not wanted
  std::span<int32_t> pixels_of_gaussian;  ///< [gaussians] pixels with a weight. Empty: not wanted
};

/// What a frame leaves for its backward pass, in memory that the next frame uses again.
class RasterMemory {
 public:
  RasterMemory();
  ~RasterMemory();
  int64_t bytes() const;

  struct Frame;
  const std::unique_ptr<Frame> frame;  ///< the kernel's own
};

/// For every pixel, with Gaussians in the order of their depths (equal depths: of their rows), d = pixel centre -
/// mean2d,
///   alpha_i = min(0.99, opacity·exp(-½(a·dx² + c·dy²) - b·dx·dy)), skipped below 1/255
///   weight_i = alpha_i·T;  T ← T·(1 - alpha_i), until T would fall to 1e-4
///   image = Σ weight·colour + T·background;  alpha = 1 - T
/// A conic's c is at most 1/0.3, as the projection's low-pass leaves it; what rounding has made no ellipse ends at its
/// radius. Colour planes of a 16×16 tile and its T stay in L1. A Gaussian is looked at in blocks of a vector's width
/// and 8 rows that its ellipse reaches: two exponentials, then 14 operations for each row and 29 on the way back. The
/// same on any number of threads.
void gaussian_raster(const RasterInput& input, const RasterOutput& output, RasterMemory& memory, ThreadPool& pool);

/// Gradients of the outputs; empty: 0.
struct RasterOutputGradient {
  std::span<const float> image, alpha, depth;
};

/// Overwritten, with 0 for what is not visible. Empty: not wanted.
struct RasterGradient {
  std::span<float> means2d, conics, depths, colours, opacities, compensations;  ///< as those of RasterInput
  std::span<float> background;                                                  ///< [channels]
  /// [gaussians, 2] Σ over pixels of the absolute values of what means2d gets from each (Ye et al. 2024, "AbsGS").
  std::span<float> means2d_absolute;
};

/// `input`, `output` and `memory` are as gaussian_raster left them. Front to back once more: what lies behind a
/// Gaussian is the pixel less what lies up to it, so no transmittance is divided out. Gradients are summed over a
/// tile's pixels, then per Gaussian over its tiles in their order: no atomics, and the same on any number of threads.
void gaussian_raster_backward(const RasterInput& input, const RasterOutput& output,
                              const RasterOutputGradient& d_output, const RasterGradient& gradient,
                              RasterMemory& memory, ThreadPool& pool);

/// What density control accumulates: for each visible Gaussian norms += |(width/2·gx, height/2·gy)|, counts += 1, g the
/// gradient of its mean2d, so that the norm is one of normalised device coordinates.
void add_viewspace_norms(int width, int height, std::span<const float> d_means2d, std::span<const int32_t> radii,
                         std::span<float> norms, std::span<float> counts);

/// In plain loops over the pixels of each Gaussian's box, in double between loads and stores.
void gaussian_raster_reference(const RasterInput& input, const RasterOutput& output);
void gaussian_raster_backward_reference(const RasterInput& input, const RasterOutput& output,
                                        const RasterOutputGradient& d_output, const RasterGradient& gradient);

}  // namespace orrery::kernels
