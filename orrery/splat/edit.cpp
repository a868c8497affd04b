#include "orrery/splat/edit.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "orrery/splat/activation.h"

namespace orrery::splat {
namespace {

template <class Keep>
Scene kept(const Scene& scene, const Keep& keep) {
  std::vector<int64_t> rows;
  for (int64_t n = 0; n < scene.count(); ++n)
    if (keep(n)) rows.push_back(n);
  return select(scene, rows);
}

bool is_finite(const std::vector<float>& values, int64_t n, int64_t width) {
  return std::all_of(values.begin() + n * width, values.begin() + (n + 1) * width,
                     [](float value) { return std::isfinite(value); });
}

std::array<double, 4> normalised(const std::array<double, 4>& q) {
  const double length = std::sqrt(std::inner_product(q.begin(), q.end(), q.begin(), 0.0));
  return {q[0] / length, q[1] / length, q[2] / length, q[3] / length};
}

// Hamilton's product: the rotation b, then a.
std::array<double, 4> times(const std::array<double, 4>& a, const std::array<double, 4>& b) {
  return {a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3], a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
          a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1], a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0]};
}

// The numbers of the Gaussians, the most important first.
std::vector<int64_t> ranked(const std::vector<double>& importance) {
  std::vector<int64_t> rows(importance.size());
  std::iota(rows.begin(), rows.end(), 0);
  std::ranges::stable_sort(rows, [&](int64_t a, int64_t b) { return importance[a] > importance[b]; });
  return rows;
}

}  // namespace

Scene filtered(const Scene& scene, const Filter& filter) {
  return kept(scene, [&](int64_t n) {
    const float *scales = scene.log_scales.data() + 3 * n, *quat = scene.quats.data() + 4 * n;
    if (filter.drop_nan) {
      const bool finite = is_finite(scene.means, n, 3) && is_finite(scene.log_scales, n, 3) &&
                          is_finite(scene.quats, n, 4) && is_finite(scene.opacity_logits, n, 1) &&
                          is_finite(scene.sh, n, 3 * scene.coefficients());
      if (!finite || std::all_of(quat, quat + 4, [](float part) { return part == 0; })) return false;
    }
    return !(opacity_from_logit(scene.opacity_logits[n]) < filter.min_opacity) &&
           !(std::exp(*std::max_element(scales, scales + 3)) > filter.max_scale);
  });
}

Scene cropped(const Scene& scene, const Box& box) {
  return kept(scene, [&](int64_t n) {
    for (size_t axis = 0; axis < 3; ++axis) {
      const float place = scene.means[3 * static_cast<size_t>(n) + axis];
      if (!(place >= box.min[axis] && place <= box.max[axis])) return false;
    }
    return true;
  });
}

Matrix3 rotation_matrix(const std::array<double, 4>& quaternion) {
  const auto [w, x, y, z] = normalised(quaternion);
  return {{{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
           {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
           {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}}};
}

std::array<double, 4> quaternion_from_euler(const std::array<double, 3>& degrees) {
  std::array<double, 4> result = {1, 0, 0, 0};
  for (size_t axis = 0; axis < 3; ++axis) {
    const double half = degrees[axis] * std::numbers::pi / 360;
    std::array<double, 4> turn = {std::cos(half), 0, 0, 0};
    turn[axis + 1] = std::sin(half);
    result = times(turn, result);
  }
  return result;
}

void transform(Scene& scene, const Similarity& similarity) {
  const std::array<double, 4> turn = normalised(similarity.rotation);
  const Matrix3 rotation = rotation_matrix(turn);
  const auto grown = static_cast<float>(std::log(similarity.scale));
  for (int64_t n = 0; n < scene.count(); ++n) {
    float *mean = scene.means.data() + 3 * n, *quat = scene.quats.data() + 4 * n;
    const std::array<double, 3> old = {mean[0], mean[1], mean[2]};
    for (size_t i = 0; i < 3; ++i) {
      const double turned = rotation[i][0] * old[0] + rotation[i][1] * old[1] + rotation[i][2] * old[2];
      mean[i] = static_cast<float>(similarity.scale * turned + similarity.translation[i]);
      scene.log_scales[3 * static_cast<size_t>(n) + i] += grown;
    }
    const std::array<double, 4> turned = times(turn, {quat[0], quat[1], quat[2], quat[3]});
    for (size_t i = 0; i < 4; ++i) quat[i] = static_cast<float>(turned[i]);
  }
  rotate_harmonics(rotation, scene);
}

std::vector<double> importance(const Scene& scene) {
  std::vector<double> result(static_cast<size_t>(scene.count()));
  for (int64_t n = 0; n < scene.count(); ++n) {
    const float* scales = scene.log_scales.data() + 3 * n;
    const double a = std::exp(double{scales[0]}), b = std::exp(double{scales[1]}), c = std::exp(double{scales[2]});
    const double light = opacity_from_logit(scene.opacity_logits[n]) * (a * b + a * c + b * c) / 3;
    result[n] = std::isnan(light) ? 0 : light;
  }
  return result;
}

Scene decimated(const Scene& scene, int64_t count) {
  std::vector<int64_t> rows = ranked(importance(scene));
  rows.resize(static_cast<size_t>(std::clamp<int64_t>(count, 0, scene.count())));
  std::ranges::sort(rows);
  return select(scene, rows);
}

Scene pruned(const Scene& scene, double share) {
  const std::vector<double> weights = importance(scene);
  const std::vector<int64_t> rows = ranked(weights);
  const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
  double lost = 0;
  int64_t left = scene.count();
  while (left > 0 && lost + weights[rows[left - 1]] <= share * all) lost += weights[rows[--left]];
  return decimated(scene, left);
}

Scene with_sh_degree(const Scene& scene, int degree) {
  Scene result = scene;
  result.sh_degree = std::min(degree, scene.sh_degree);
  const int64_t width = 3 * result.coefficients(), old = 3 * scene.coefficients();
  result.sh.resize(static_cast<size_t>(scene.count() * width));
  for (int64_t n = 0; n < scene.count(); ++n)
    std::copy_n(scene.sh.data() + n * old, width, result.sh.data() + n * width);
  return result;
}

Scene merged(std::span<const Scene> scenes) {
  Scene result;
  result.antialiased = !scenes.empty();
  for (const Scene& scene : scenes) {
    result.sh_degree = std::max(result.sh_degree, scene.sh_degree);
    result.antialiased = result.antialiased && scene.antialiased;
  }
  const auto append = [](std::vector<float>& to, const std::vector<float>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (const Scene& scene : scenes) {
    append(result.means, scene.means);
    append(result.log_scales, scene.log_scales);
    append(result.quats, scene.quats);
    append(result.opacity_logits, scene.opacity_logits);
    const int64_t width = 3 * scene.coefficients();
    for (int64_t n = 0; n < scene.count(); ++n) {
      result.sh.insert(result.sh.end(), scene.sh.begin() + n * width, scene.sh.begin() + (n + 1) * width);
      result.sh.insert(result.sh.end(), static_cast<size_t>(3 * result.coefficients() - width), 0.0f);
    }
  }
  return result;
}

}  // namespace orrery::splat
