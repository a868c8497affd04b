#include <array>
#include <bit>
#include <cmath>
#include <mutex>
#include <numbers>
#include <vector>

#include "orrery/kernels/long_conv/transform.h"

namespace orrery::kernels {
namespace {

// The angle of a node is half its parent's, turned by π for second halves; the root's is π/2.
std::vector<float> make_roots(int64_t points) {
  std::vector<double> angles(points, std::numbers::pi / 2);
  for (int64_t node = 2; node < points; ++node) angles[node] = angles[node / 2] / 2 + (node % 2) * std::numbers::pi;
  std::vector<float> roots(2 * points);
  for (int64_t node = 1; node < points; ++node) {
    roots[2 * node] = static_cast<float>(std::cos(angles[node] / 2));
    roots[2 * node + 1] = static_cast<float>(std::sin(angles[node] / 2));
  }
  return roots;
}

}  // namespace

const float* conv_roots(int64_t points) {
  struct Table {
    std::once_flag once;
    std::vector<float> roots;
  };
  static std::array<Table, 40> tables;  // one for each power of two
  Table& table = tables[std::bit_width(static_cast<uint64_t>(points)) - 1];
  std::call_once(table.once, [&] { table.roots = make_roots(points); });
  return table.roots.data();
}

}  // namespace orrery::kernels
