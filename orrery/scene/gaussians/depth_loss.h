// Depths at points that are known, beside colours.
#pragma once

#include <cstdint>
#include <span>

#include "orrery/scene/gaussians/photos.h"

namespace orrery::scene {

/// How far the disparities of what was drawn are from those of the points that a photo saw (gsplat's depth_loss):
///   loss = weight/points · Σ |alpha/depth - 1/z|
/// in the pixels that show the points; depth is Σ weight·z, as it is drawn. Pixels under a mask's 0, and those that are
/// nearly transparent, have no say. d_alpha and d_depth, all of the picture's pixels, are overwritten.
double depth_loss(std::span<const KnownDepth> points, double weight, std::span<const float> mask,
                  std::span<const float> alpha, std::span<const float> depth, std::span<float> d_alpha,
                  std::span<float> d_depth);

}  // namespace orrery::scene
