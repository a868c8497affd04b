#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/splat/activation.h"
#include "orrery/splat/files/codecs.h"

namespace orrery::splat {
namespace {

struct Row {
  float mean[3], scale[3];
  uint8_t colour[4];    // red, green, blue, opacity
  uint8_t rotation[4];  // w x y z
};
static_assert(sizeof(Row) == 32);

Row row_at(Bytes bytes, size_t index) {
  Row row;
  std::memcpy(&row, bytes.data() + index * sizeof(Row), sizeof(Row));
  return row;
}

// Down, as the format's own writer does. The little that is added takes a byte that was read back to itself.
uint8_t truncated(double value) { return value > 0 ? static_cast<uint8_t>(std::min(value + 1e-4, 255.0)) : 0; }

// A file is known by its numbers alone, so all have to be some.
float finite(float value) { return std::isfinite(value) ? value : 0; }

// Large and opaque first, so that a viewer that streams shows the scene early.
std::vector<int64_t> order_of(const Scene& scene) {
  std::vector<double> weights(static_cast<size_t>(scene.count()));
  for (int64_t n = 0; n < scene.count(); ++n) {
    const float* scale = scene.log_scales.data() + 3 * n;
    weights[n] = std::exp(double{scale[0]} + scale[1] + scale[2]) * opacity_from_logit(scene.opacity_logits[n]);
    if (std::isnan(weights[n])) weights[n] = 0;
  }
  std::vector<int64_t> order(weights.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](int64_t a, int64_t b) { return weights[a] > weights[b]; });
  return order;
}

Row packed(const Scene& scene, int64_t n) {
  Row row;
  const std::array<double, 4> quat = unit_quaternion(scene.quats.data() + 4 * n);
  for (int axis = 0; axis < 3; ++axis) {
    row.mean[axis] = finite(scene.means[3 * n + axis]);
    row.scale[axis] = finite(std::exp(scene.log_scales[3 * n + axis]));
    row.colour[axis] = truncated(255 * colour_from_sh0(scene.sh[3 * n * scene.coefficients() + axis]));
  }
  row.colour[3] = truncated(255 * opacity_from_logit(scene.opacity_logits[n]));
  for (size_t i = 0; i < 4; ++i) row.rotation[i] = truncated(128 * quat[i] + 128);
  return row;
}

}  // namespace

// There is no magic: places and sizes have to be such as scenes have, which text and noise are not.
bool is_splat(Bytes bytes) {
  constexpr size_t kLooked = 64;
  constexpr float kFar = 1e9f;
  if (bytes.empty() || bytes.size() % sizeof(Row) != 0) return false;
  for (size_t i = 0; i < std::min(kLooked, bytes.size() / sizeof(Row)); ++i) {
    const Row row = row_at(bytes, i);
    for (int axis = 0; axis < 3; ++axis)
      if (!(std::abs(row.mean[axis]) < kFar && row.scale[axis] >= 0 && row.scale[axis] < kFar)) return false;
  }
  return true;
}

Scene read_splat(Bytes bytes, const std::filesystem::path& path) {
  if (bytes.empty() || bytes.size() % sizeof(Row) != 0)
    formats::ByteReader(bytes, "read a Gaussian scene", path.string())
        .fail("size", std::to_string(bytes.size()) + " bytes", "a multiple of 32");
  Scene scene = Scene::zeros(static_cast<int64_t>(bytes.size() / sizeof(Row)), 0);
  for (int64_t n = 0; n < scene.count(); ++n) {
    const Row row = row_at(bytes, static_cast<size_t>(n));
    for (int axis = 0; axis < 3; ++axis) {
      scene.means[3 * n + axis] = row.mean[axis];
      scene.log_scales[3 * n + axis] = log_from_scale(row.scale[axis]);
      scene.sh[3 * n + axis] = sh0_from_colour(row.colour[axis] / 255.0);
    }
    scene.opacity_logits[n] = logit_from_opacity(row.colour[3] / 255.0);
    float quat[4];
    for (int i = 0; i < 4; ++i) quat[i] = static_cast<float>(row.rotation[i] / 127.5 - 1);  // as its readers do
    const std::array<double, 4> unit = unit_quaternion(quat);
    for (int i = 0; i < 4; ++i) scene.quats[4 * n + i] = static_cast<float>(unit[i]);
  }
  return scene;
}

std::vector<int64_t> write_splat(const Scene& scene, const std::filesystem::path& path, const SaveOptions&) {
  std::vector<int64_t> order = order_of(scene);
  std::vector<Row> rows;
  rows.reserve(order.size());
  for (const int64_t n : order) rows.push_back(packed(scene, n));
  AtomicFile file(path);
  file.write(rows.data(), rows.size() * sizeof(Row));
  file.commit();
  return order;
}

}  // namespace orrery::splat
