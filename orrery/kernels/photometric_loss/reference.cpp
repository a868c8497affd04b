#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/kernels/photometric_loss/photometric_loss.h"
#include "orrery/kernels/photometric_loss/window.h"

namespace orrery::kernels {

double PhotometricLoss::psnr() const {
  return -10 * std::log10((squared_error[0] + squared_error[1] + squared_error[2]) / 3);
}

double PhotometricLoss::psnr_of_channels() const {
  double sum = 0;
  for (const double error : squared_error) sum -= 10 * std::log10(error);
  return sum / 3;
}

double weight_inside(const PhotometricInput& input, int margin) {
  if (input.mask.empty()) return static_cast<double>(input.width - 2 * margin) * (input.height - 2 * margin);
  double sum = 0;
  for (int y = margin; y < input.height - margin; ++y)
    for (int x = margin; x < input.width - margin; ++x) sum += input.mask[static_cast<size_t>(y) * input.width + x];
  return sum;
}

void check_size(const PhotometricInput& input, SsimBorder border) {
  const int least = 2 * margin(border) + 1;
  if (input.width >= least && input.height >= least) return;
  throw Error({.doing = "compare a picture with its target",
               .where = "SSIM without a border",
               .found = std::to_string(input.width) + "×" + std::to_string(input.height) + " pixels",
               .expected = "at least " + std::to_string(least) + "×" + std::to_string(least),
               .advice = "choose SSIM with zeros past the border"});
}

PhotometricLoss loss_of(const PhotometricOptions& options, double l1, double ssim,
                        const std::array<double, 3>& squared_error) {
  return {.loss = (1 - options.ssim_share) * l1 + options.ssim_share * (1 - ssim),
          .l1 = l1,
          .ssim = ssim,
          .squared_error = squared_error};
}

namespace {

/// One channel of a picture, or a map over one.
class Plane {
 public:
  Plane(int width, int height) : width_(width), height_(height), values_(static_cast<size_t>(width) * height) {}
  double& at(int x, int y) { return values_[static_cast<size_t>(y) * width_ + x]; }
  double at(int x, int y) const { return values_[static_cast<size_t>(y) * width_ + x]; }

  /// With zeros past the border.
  Plane blurred() const {
    static const auto window = ssim_window();
    Plane result(width_, height_);
    for (int y = 0; y < height_; ++y)
      for (int x = 0; x < width_; ++x)
        for (int j = std::max(0, y - kHalfWindow); j <= std::min(height_ - 1, y + kHalfWindow); ++j)
          for (int i = std::max(0, x - kHalfWindow); i <= std::min(width_ - 1, x + kHalfWindow); ++i)
            result.at(x, y) += window[j - y + kHalfWindow] * window[i - x + kHalfWindow] * at(i, j);
    return result;
  }
  template <class F>
  static Plane of(const Plane& a, const Plane& b, const F& f) {
    Plane result(a.width_, a.height_);
    for (size_t i = 0; i < result.values_.size(); ++i) result.values_[i] = f(a.values_[i], b.values_[i]);
    return result;
  }

 private:
  int width_, height_;
  std::vector<double> values_;
};

}  // namespace

PhotometricLoss photometric_loss_reference(const PhotometricInput& input, const PhotometricOptions& options,
                                           std::span<float> gradient) {
  check_size(input, options.border);
  const int width = input.width, height = input.height, outside = margin(options.border);
  const double whole = weight_inside(input, 0), inside = weight_inside(input, outside);
  const auto mask = [&](int x, int y) {
    return input.mask.empty() ? 1.0 : double{input.mask[static_cast<size_t>(y) * width + x]};
  };
  double l1 = 0, ssim = 0;
  std::array<double, 3> squared_error{};
  for (int channel = 0; channel < 3; ++channel) {
    Plane image(width, height), target(width, height);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const size_t at = (static_cast<size_t>(y) * width + x) * 3 + channel;
        const double difference = static_cast<double>(input.image[at]) - input.target[at];
        target.at(x, y) = input.target[at];
        image.at(x, y) = input.target[at] + mask(x, y) * difference;
        if (whole <= 0) continue;
        l1 += mask(x, y) * std::abs(difference) / (3 * whole);
        squared_error[channel] += mask(x, y) * difference * difference / whole;
      }
    }
    const auto product = [](double a, double b) { return a * b; };
    const Plane mu1 = image.blurred(), mu2 = target.blurred(), e11 = Plane::of(image, image, product).blurred(),
                e22 = Plane::of(target, target, product).blurred(), e12 = Plane::of(image, target, product).blurred();
    Plane by_mu1(width, height), by_e11(width, height), by_e12(width, height);
    for (int y = outside; y < height - outside; ++y) {
      for (int x = outside; x < width - outside; ++x) {
        const double m1 = mu1.at(x, y), m2 = mu2.at(x, y);
        const double a1 = 2 * m1 * m2 + kC1, a2 = 2 * (e12.at(x, y) - m1 * m2) + kC2, b1 = m1 * m1 + m2 * m2 + kC1,
                     b2 = e11.at(x, y) - m1 * m1 + e22.at(x, y) - m2 * m2 + kC2;
        const double similarity = a1 * a2 / (b1 * b2), weight = inside > 0 ? mask(x, y) / (3 * inside) : 0;
        ssim += weight * similarity;
        by_e11.at(x, y) = -weight * similarity / b2;
        by_e12.at(x, y) = weight * 2 * a1 / (b1 * b2);
        by_mu1.at(x, y) = weight * 2 * (m2 * (a2 - a1) / (b1 * b2) + m1 * similarity * (1 / b2 - 1 / b1));
      }
    }
    if (gradient.empty()) continue;
    const Plane from_mu1 = by_mu1.blurred(), from_e11 = by_e11.blurred(), from_e12 = by_e12.blurred();
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const double difference = image.at(x, y) - target.at(x, y), sign = (difference > 0) - (difference < 0);
        const double d_l1 = whole > 0 ? sign / (3 * whole) : 0;
        const double d_ssim =
            from_mu1.at(x, y) + 2 * image.at(x, y) * from_e11.at(x, y) + target.at(x, y) * from_e12.at(x, y);
        gradient[(static_cast<size_t>(y) * width + x) * 3 + channel] =
            static_cast<float>(mask(x, y) * ((1 - options.ssim_share) * d_l1 - options.ssim_share * d_ssim));
      }
    }
  }
  if (inside <= 0) ssim = 1;  // nothing is compared, nothing differs
  return loss_of(options, l1, ssim, squared_error);
}

}  // namespace orrery::kernels
