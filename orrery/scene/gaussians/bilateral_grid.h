// Photos whose colours differ from the scene's by place and brightness: vignettes, tone curves, what a phone brightens.
// Each has a bilateral grid (Chen et al. 2007, "Real-time Edge-Aware Image Processing with the Bilateral Grid") of
// affine transforms (Wang et al. 2024, "Bilateral Guided Radiance Field Processing", sec. 4.1).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "orrery/base/thread_pool.h"

namespace orrery::scene {

inline constexpr int kGridRows = 16, kGridColumns = 16, kGridLevels = 8;  // gsplat's bilateral_grid_shape
inline constexpr size_t kGridSize = size_t{12} * kGridRows * kGridColumns * kGridLevels;

/// [rows, columns, levels, 3, 4]: a transform E makes a colour's channel k E[k][0]·r + E[k][1]·g + E[k][2]·b + E[k][3].
using BilateralGrid = std::span<const float, kGridSize>;

/// image, sliced [height, width, 3]. A pixel's transform is that at row (y + ½)/height·15, column (x + ½)/width·15 and
/// level 7·(.299 r + .587 g + .114 b), from 0 to 7, linear between those of the grid around it (as the authors' code
/// and gsplat's). The identity everywhere changes no bit.
void slice_grid(BilateralGrid grid, int width, int height, std::span<const float> image, std::span<float> sliced,
                ThreadPool& pool);

/// `gradient` [height, width, 3]: of the sliced picture, then of `image`, whose luminance chooses the level too.
/// Returns that of the grid, summed cell by cell in the same order on any number of threads.
std::vector<double> slice_grid_backward(BilateralGrid grid, int width, int height, std::span<const float> image,
                                        std::span<float> gradient, ThreadPool& pool);

/// weight times the sum over the three axes of the mean square of what neighbours differ in (the authors'
/// total_variation_loss). Adds its gradient to d_grid.
double grid_variation(BilateralGrid grid, double weight, std::span<double> d_grid);

}  // namespace orrery::scene
