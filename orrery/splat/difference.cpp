#include "orrery/splat/difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>

#include "orrery/splat/activation.h"

namespace orrery::splat {
namespace {

class Sum {
 public:
  void add(double error) {
    if (!std::isfinite(error)) return;
    max_ = std::max(max_, std::abs(error));
    squares_ += error * error;
    ++count_;
  }
  AttributeDifference result() const {
    return {max_, count_ == 0 ? 0 : std::sqrt(squares_ / static_cast<double>(count_))};
  }

 private:
  double max_ = 0, squares_ = 0;
  int64_t count_ = 0;
};

// The angle of the rotation that leads from one to the other; q and -q are one rotation. By the sine of its half, which
// keeps small angles apart where the cosine does not.
double angle_between(const float* a, const float* b) {
  const std::array<double, 4> p = unit_quaternion(a), q = unit_quaternion(b);
  double minus = 0, plus = 0;
  for (size_t i = 0; i < 4; ++i) {
    minus += (p[i] - q[i]) * (p[i] - q[i]);
    plus += (p[i] + q[i]) * (p[i] + q[i]);
  }
  return 4 * std::asin(std::min(1.0, std::sqrt(std::min(minus, plus)) / 2)) * 180 / std::numbers::pi;
}

}  // namespace

Difference difference(const Scene& scene, const Scene& read, std::span<const int64_t> order) {
  assert(scene.count() == read.count());
  Sum position, log_scale, rotation, opacity, colour, sh;
  const int most = std::max(scene.coefficients(), read.coefficients());
  for (int64_t row = 0; row < read.count(); ++row) {
    const int64_t n = order.empty() ? row : order[row];
    for (int axis = 0; axis < 3; ++axis) {
      position.add(double{read.means[3 * row + axis]} - scene.means[3 * n + axis]);
      log_scale.add(double{read.log_scales[3 * row + axis]} - scene.log_scales[3 * n + axis]);
    }
    rotation.add(angle_between(scene.quats.data() + 4 * n, read.quats.data() + 4 * row));
    opacity.add(opacity_from_logit(read.opacity_logits[row]) - opacity_from_logit(scene.opacity_logits[n]));
    for (int k = 0; k < most; ++k) {
      for (int channel = 0; channel < 3; ++channel) {
        const auto value = [&](const Scene& of, int64_t i) {
          return k < of.coefficients() ? double{of.sh[(i * of.coefficients() + k) * 3 + channel]} : 0.0;
        };
        const double error = value(read, row) - value(scene, n);
        if (k == 0)
          colour.add(kShC0 * error);
        else
          sh.add(error);
      }
    }
  }
  return {position.result(), log_scale.result(), rotation.result(), opacity.result(), colour.result(), sh.result()};
}

std::string difference_text(const Difference& difference) {
  const std::pair<const char*, AttributeDifference> rows[] = {{"position (world units)", difference.position},
                                                              {"scale (logarithm)", difference.log_scale},
                                                              {"rotation (degrees)", difference.rotation},
                                                              {"opacity", difference.opacity},
                                                              {"colour", difference.colour},
                                                              {"harmonics", difference.sh}};
  std::string text = fmt::format("{:<24}{:>12}{:>12}\n", "what was lost", "at most", "RMS");
  for (const auto& [what, lost] : rows) text += fmt::format("{:<24}{:>12.3g}{:>12.3g}\n", what, lost.max, lost.rms);
  return text;
}

}  // namespace orrery::splat
