// Densification as sampling: dead Gaussians move to where live ones are, and all of them shiver (Kheradmand et al.
// 2024, "3D Gaussian Splatting as Markov Chain Monte Carlo").
#pragma once

#include <cstdint>

#include "orrery/base/random.h"
#include "orrery/scene/gaussians/options.h"
#include "orrery/scene/gaussians/table.h"

namespace orrery::scene {

struct McmcChange {
  int64_t relocated = 0, added = 0;
};

/// Every Gaussian fainter than density.min_opacity moves onto one that is drawn in proportion to its opacity; then as
/// many are added in the same way as growth and max_gaussians allow. All that share a place, n of them, get the opacity
/// 1 - (1 - o)^(1/n) and the scales that leave the picture nearly as it was (eq. 9), and moments of 0.
McmcChange relocate_and_add(GaussianTable& table, const DensityOptions& density, const McmcOptions& options,
                            RandomStream random);

/// Adds Σ·noise to the means, for a Gaussian of opacity o times
/// noise_lr·means_rate/(1 + exp(100·(o - 1 + 0.995))): what is opaque stays where it is (eq. 8).
void add_noise(GaussianTable& table, const McmcOptions& options, double means_rate, RandomStream random);

/// What the n Gaussians that take the place of one with this opacity have (eq. 9).
struct Relocated {
  double opacity, scale_factor;
};
Relocated relocated(double opacity, int64_t n);

}  // namespace orrery::scene
