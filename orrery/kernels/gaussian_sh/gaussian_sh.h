// Colours of Gaussians that depend on the direction they are seen from: real spherical harmonics (Kerbl et al. 2023,
// "3D Gaussian Splatting for Real-Time Radiance Field Rendering", sec. 4; signs and order as in the authors' files).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "orrery/base/thread_pool.h"

namespace orrery::kernels {

struct GaussianSh {
  int degree = 3;                       ///< active, 0…3: the first (degree + 1)² coefficients of each Gaussian count
  std::array<float, 3> centre{};        ///< of the camera, world units
  std::span<const float> means;         ///< [gaussians, 3] world units
  std::span<const float> coefficients;  ///< [gaussians, per_gaussian, 3], per_gaussian ≥ (degree + 1)²; row 0 is the DC

  int64_t size() const { return static_cast<int64_t>(means.size()) / 3; }
  int64_t per_gaussian() const { return means.empty() ? 0 : static_cast<int64_t>(coefficients.size() / means.size()); }
};

/// colours [gaussians, 3] = max(0, ½ + Σ_k basis_k(direction) · coefficient_k), direction = (mean - centre) normalised.
/// Reads (degree + 1)²·12 bytes per Gaussian, which is the limit; the same on any number of threads.
void gaussian_sh(const GaussianSh& sh, std::span<float> colours, ThreadPool& pool);

/// Either may be empty: not wanted.
struct GaussianShGradient {
  std::span<float> coefficients;  ///< as the coefficients; those above the active degree get 0
  std::span<float> means;         ///< [gaussians, 3]; through the direction. Added to what is there
};

/// Colours down to this were not clamped but rounded: a black point's first colours are 0 for the originals, whose
/// gradient is cut below 0 alone, and without it they would stay black.
inline constexpr double kRoundedBlack = -1e-6;

/// The gradient of Σ d_colours·colours: none where the colour was clamped to 0. Returns that of `centre`.
std::array<float, 3> gaussian_sh_backward(const GaussianSh& sh, std::span<const float> d_colours,
                                          const GaussianShGradient& gradient, ThreadPool& pool);

/// In plain loops, in double between loads and stores.
void gaussian_sh_reference(const GaussianSh& sh, std::span<float> colours);
std::array<float, 3> gaussian_sh_backward_reference(const GaussianSh& sh, std::span<const float> d_colours,
                                                    const GaussianShGradient& gradient);

}  // namespace orrery::kernels
