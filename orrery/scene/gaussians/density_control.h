// Adaptive density control: where Gaussians are too few they are cloned or split, where they do nothing they go (Kerbl
// et al. 2023, "3D Gaussian Splatting", sec. 5.2, as the authors' program has it).
#pragma once

#include <cstdint>
#include <functional>

#include "orrery/scene/gaussians/options.h"
#include "orrery/scene/gaussians/table.h"

namespace orrery::scene {

struct DensityChange {
  int64_t cloned = 0, split = 0, pruned = 0;
};

/// Gaussians that are to be cloned, and to be split: gradients of the threshold or more. Bool [N] each, no row in both.
struct DensityMasks {
  at::Tensor clone, split;
};
DensityMasks density_masks(const GaussianTable& table, const at::Tensor& mean_gradient, const DensityOptions& options,
                           double extent);

/// A copy of each such row goes to the end.
void clone(GaussianTable& table, const at::Tensor& mask);
/// Each such row is replaced by two children at the end (all first ones, then all second ones), whose means are drawn
/// from the parent: mean + R(q)·(scale ∘ noise), noise [2, rows, 3].
void split(GaussianTable& table, const at::Tensor& mask, const at::Tensor& noise, double divisor);
/// What is too faint, and with `large_too` what is too large. Bool [N].
at::Tensor prune_mask(const GaussianTable& table, const DensityOptions& options, double extent, bool large_too);

/// Clones, then splits, then prunes. mean_gradient [N]; noise(k) gives standard normal numbers [2, k, 3].
DensityChange densify(GaussianTable& table, const at::Tensor& mean_gradient, const DensityOptions& options,
                      double extent, bool large_too, const std::function<at::Tensor(int64_t)>& noise);
/// No opacity above options.reset_opacity; its moments are 0.
void reset_opacities(GaussianTable& table, const DensityOptions& options);

/// [N, 3, 3] of quaternions w x y z of any length.
at::Tensor rotation_matrices(const at::Tensor& quats);

}  // namespace orrery::scene
