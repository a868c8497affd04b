// Gaussians for the bench of scenes, in a box before a camera.
#pragma once

#include <cmath>
#include <random>

#include "orrery/base/camera.h"
#include "orrery/splat/scene.h"

namespace orrery::bench {

/// Their mean size falls with the cube root of their number, as it does where they come from points and their
/// distances. Harmonics of degree 3.
inline splat::Scene made_scene(int64_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<float> uniform(-1, 1);
  splat::Scene scene = splat::Scene::zeros(count, splat::kMaxShDegree);
  const float usual = std::log(0.35f / std::cbrt(static_cast<float>(count)));
  const size_t harmonics = 3 * static_cast<size_t>(scene.coefficients());
  for (size_t n = 0; n < static_cast<size_t>(count); ++n) {
    const float place[] = {2.5f * uniform(random), 2 * uniform(random), 5 + 2 * uniform(random)};
    for (size_t k = 0; k < 3; ++k) {
      scene.means[3 * n + k] = place[k];
      scene.log_scales[3 * n + k] = usual + 0.5f * normal(random);
    }
    for (size_t k = 0; k < 4; ++k) scene.quats[4 * n + k] = normal(random);
    scene.opacity_logits[n] = 1.5f * normal(random);
    for (size_t k = 0; k < harmonics; ++k) scene.sh[n * harmonics + k] = (k < 3 ? 1.f : 0.1f) * normal(random);
  }
  return scene;
}

/// Looks at it.
inline View view_of_made_scene(int width, int height) {
  View view{.width = width, .height = height};
  view.fx = view.fy = static_cast<float>(width);
  view.cx = 0.5f * static_cast<float>(width), view.cy = 0.5f * static_cast<float>(height);
  return view;
}

}  // namespace orrery::bench
