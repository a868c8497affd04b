#include "orrery/splat/scene.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace orrery::splat {
namespace {

std::vector<float> selected(const std::vector<float>& values, size_t width, std::span<const int64_t> rows) {
  std::vector<float> out(rows.size() * width);
  for (size_t i = 0; i < rows.size(); ++i)
    std::copy_n(values.data() + static_cast<size_t>(rows[i]) * width, width, out.data() + i * width);
  return out;
}

}  // namespace

Scene Scene::zeros(int64_t count, int sh_degree) {
  const auto n = static_cast<size_t>(count);
  Scene scene;
  scene.means.resize(3 * n);
  scene.log_scales.resize(3 * n);
  scene.quats.resize(4 * n);
  scene.opacity_logits.resize(n);
  scene.sh.resize(3 * n * static_cast<size_t>(sh_coefficients(sh_degree)));
  scene.sh_degree = sh_degree;
  return scene;
}

Scene select(const Scene& scene, std::span<const int64_t> rows) {
  return {.means = selected(scene.means, 3, rows),
          .log_scales = selected(scene.log_scales, 3, rows),
          .quats = selected(scene.quats, 4, rows),
          .opacity_logits = selected(scene.opacity_logits, 1, rows),
          .sh = selected(scene.sh, 3 * static_cast<size_t>(scene.coefficients()), rows),
          .sh_degree = scene.sh_degree,
          .antialiased = scene.antialiased};
}

Box bounding_box(const Scene& scene) {
  constexpr float kFar = std::numeric_limits<float>::infinity();
  Box box{{kFar, kFar, kFar}, {-kFar, -kFar, -kFar}};
  for (int64_t n = 0; n < scene.count(); ++n) {
    const float* mean = scene.means.data() + 3 * n;
    if (!std::isfinite(mean[0]) || !std::isfinite(mean[1]) || !std::isfinite(mean[2])) continue;
    for (int axis = 0; axis < 3; ++axis) {
      box.min[axis] = std::min(box.min[axis], mean[axis]);
      box.max[axis] = std::max(box.max[axis], mean[axis]);
    }
  }
  return box;
}

}  // namespace orrery::splat
