#include "orrery/scene/gaussians/initial.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <nanoflann.hpp>

namespace orrery::scene {

namespace {

constexpr float kSh0 = 0.28209479177387814f;  // 1/(2√π), the constant basis function

struct Points {
  std::span<const float> xyz;
  size_t kdtree_get_point_count() const { return xyz.size() / 3; }
  float kdtree_get_pt(size_t row, size_t axis) const { return xyz[3 * row + axis]; }
  template <class Box>
  bool kdtree_get_bbox(Box&) const {
    return false;
  }
};

}  // namespace

std::vector<float> nearest_distances(std::span<const float> points) {
  const Points all{points};
  const size_t count = all.kdtree_get_point_count(), others = std::min<size_t>(3, count - std::min<size_t>(1, count));
  std::vector<float> distances(count, 1);
  if (others == 0) return distances;
  nanoflann::KDTreeSingleIndexAdaptor<nanoflann::L2_Simple_Adaptor<float, Points>, Points, 3, size_t> tree(3, all);
  for (size_t i = 0; i < count; ++i) {
    size_t rows[4];
    float squares[4];
    const size_t found = tree.knnSearch(&points[3 * i], others + 1, rows, squares);
    double sum = 0;  // of itself, or of one that lies on it, the distance is 0
    for (size_t k = 1; k < found; ++k) sum += squares[k];
    distances[i] = static_cast<float>(std::sqrt(std::max(sum / static_cast<double>(others), 1e-7)));
  }
  return distances;
}

GaussianTable gaussians_of_points(std::span<const float> points, std::span<const uint8_t> colours, int sh_degree) {
  const auto count = static_cast<int64_t>(points.size() / 3);
  const std::vector<float> distances = nearest_distances(points);
  at::Tensor means = at::empty({count, 3}), log_scales = at::empty({count, 3}), quats = at::zeros({count, 4}),
             sh = at::zeros({count, (sh_degree + 1) * (sh_degree + 1), 3});
  std::ranges::copy(points, means.data_ptr<float>());
  auto scale = log_scales.accessor<float, 2>();
  auto first = sh.accessor<float, 3>();
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = 0; k < 3; ++k) {
      scale[i][k] = std::log(distances[static_cast<size_t>(i)]);
      first[i][0][k] = (static_cast<float>(colours[static_cast<size_t>(3 * i + k)]) / 255 - 0.5f) / kSh0;
    }
  quats.select(1, 0).fill_(1);
  return GaussianTable({{"means", means},
                        {"log_scales", log_scales},
                        {"quats", quats},
                        {"opacity_logits", at::full({count}, std::log(0.1 / 0.9))},
                        {"sh", sh}});
}

}  // namespace orrery::scene
