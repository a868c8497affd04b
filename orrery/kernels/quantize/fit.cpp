#include "orrery/kernels/quantize/fit.h"

#include <cmath>
#include <limits>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/quantize/tables.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/quantize/fit.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 8>;
using Vec = hn::Vec<Tag>;

// Element i adds to partial sum i mod 8 whatever the vector's width, so the sums are the same on every instruction set.
// Products and sums round one by one for the same reason.
constexpr size_t kPartials = 8;

double Total(const float* p) { return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7])); }

struct UniformLevels {
  float low, high;
  Vec operator()(Tag d, Vec value) const {
    const Vec magic = hn::Set(d, 12582912.0f);  // as in round_within
    const Vec inside = hn::Min(hn::Max(value, hn::Set(d, low)), hn::Set(d, high));
    return hn::Sub(hn::Add(inside, magic), magic);
  }
};

struct Iq4LevelsAt {
  Vec operator()(Tag d, Vec value) const {
    Vec level = hn::Set(d, kIq4Levels[0]);
    for (size_t i = 0; i + 1 < kIq4Levels.size(); ++i) {
      const Vec middle = hn::Set(d, 0.5f * static_cast<float>(kIq4Levels[i] + kIq4Levels[i + 1]));
      level = hn::IfThenElse(hn::Ge(value, middle), hn::Set(d, kIq4Levels[i + 1]), level);
    }
    return level;
  }
};

// For the levels nearest to inverse × x, the best scale is Σwxl / Σwl², which lowers the error by (Σwxl)² / Σwl².
struct ScaleSearch {
  double gain = 0, scale = 0;

  template <class Levels>
  void Try(std::span<const float> x, const float* w, float inverse, Levels nearest) {
    const Tag d;
    float xl[kPartials], ll[kPartials];
    for (size_t part = 0; part < kPartials; part += hn::Lanes(d)) {
      Vec xl_part = hn::Zero(d), ll_part = hn::Zero(d);
      for (size_t i = part; i < x.size(); i += kPartials) {
        const Vec value = hn::LoadU(d, x.data() + i);
        const Vec level = nearest(d, hn::Mul(value, hn::Set(d, inverse)));
        const Vec weighted = hn::Mul(hn::LoadU(d, w + i), level);
        xl_part = hn::Add(xl_part, hn::Mul(weighted, value));
        ll_part = hn::Add(ll_part, hn::Mul(weighted, level));
      }
      hn::StoreU(xl_part, d, xl + part);
      hn::StoreU(ll_part, d, ll + part);
    }
    const double sum_xl = Total(xl), sum_ll = Total(ll);
    if (sum_ll > 0 && sum_xl * sum_xl > gain * sum_ll) {
      gain = sum_xl * sum_xl / sum_ll;
      scale = sum_xl / sum_ll;
    }
  }
};

constexpr float kTiny = 1e-15f;  // a scale below could not be written as a binary16 anyway

// The first value of the largest magnitude.
float Largest(std::span<const float> x) {
  float largest = 0;
  for (float value : x) largest = std::fabs(value) > std::fabs(largest) ? value : largest;
  return largest;
}

float FitScale(std::span<const float> x, const float* w, Tries tries, float low, float high) {
  const float largest = Largest(x);
  if (std::fabs(largest) < kTiny) return 0;
  ScaleSearch search;
  for (int t = 0; t < tries.count; ++t) {
    const float inverse = (tries.first + tries.step * static_cast<float>(t)) / largest;
    search.Try(x, w, inverse, UniformLevels{low, high});
  }
  return static_cast<float>(search.scale);
}

float FitIq4Scale(std::span<const float> x, const float* w) {
  const float largest = Largest(x);
  if (std::fabs(largest) < kTiny) return 0;
  // The largest value comes to lie within 7 of either end: the levels are not symmetric.
  ScaleSearch search;
  for (float at = -7; at <= 7; ++at) {
    search.Try(x, w, (static_cast<float>(kIq4Levels.front()) + at) / largest, Iq4LevelsAt{});
    search.Try(x, w, (static_cast<float>(kIq4Levels.back()) + at) / largest, Iq4LevelsAt{});
  }
  return static_cast<float>(search.scale);
}

// Sums are taken of y = x - min(x), which keeps them small beside the error. A line found moves the codes of the tries
// after it.
Line FitLine(std::span<const float> x, const float* w, float levels, Tries tries) {
  const Tag d;
  float low = 0, high = x[0];
  for (float value : x) {
    low = value < low ? value : low;
    high = value > high ? value : high;
  }
  const float range = high - low;
  if (!(range > kTiny)) return {0, low};
  float w_partials[kPartials] = {}, y_partials[kPartials] = {};
  for (size_t i = 0; i < x.size(); ++i) {
    w_partials[i % kPartials] += w[i];
    y_partials[i % kPartials] += w[i] * (x[i] - low);
  }
  const double sum_w = Total(w_partials), sum_y = Total(y_partials);
  double scale = range / levels, min = 0, best_gain = -std::numeric_limits<double>::infinity();
  for (int t = 0; t < tries.count; ++t) {
    const auto base = static_cast<float>(min);
    const float inverse = (tries.first + tries.step * static_cast<float>(t)) / (range - base);
    float l[kPartials], ll[kPartials], ly[kPartials];
    for (size_t part = 0; part < kPartials; part += hn::Lanes(d)) {
      Vec l_part = hn::Zero(d), ll_part = hn::Zero(d), ly_part = hn::Zero(d);
      for (size_t i = part; i < x.size(); i += kPartials) {
        const Vec y = hn::Sub(hn::LoadU(d, x.data() + i), hn::Set(d, low));
        const Vec scaled = hn::Mul(hn::Sub(y, hn::Set(d, base)), hn::Set(d, inverse));
        const Vec code = UniformLevels{0, levels}(d, scaled);
        const Vec weighted = hn::Mul(hn::LoadU(d, w + i), code);
        l_part = hn::Add(l_part, weighted);
        ll_part = hn::Add(ll_part, hn::Mul(weighted, code));
        ly_part = hn::Add(ly_part, hn::Mul(weighted, y));
      }
      hn::StoreU(l_part, d, l + part);
      hn::StoreU(ll_part, d, ll + part);
      hn::StoreU(ly_part, d, ly + part);
    }
    const double sum_l = Total(l), sum_ll = Total(ll), sum_ly = Total(ly);
    const double determinant = sum_w * sum_ll - sum_l * sum_l;
    if (!(determinant > 1e-6 * sum_w * sum_ll)) continue;  // the codes are all the same
    double s = (sum_w * sum_ly - sum_y * sum_l) / determinant, m = (sum_ll * sum_y - sum_l * sum_ly) / determinant;
    if (m > -low) {  // the minimum of x must not be positive
      m = -low;
      s = (sum_ly - m * sum_l) / sum_ll;
    }
    const double gain = 2 * (s * sum_ly + m * sum_y) - s * s * sum_ll - 2 * s * m * sum_l - m * m * sum_w;
    if (s > 0 && gain > best_gain) {
      best_gain = gain;
      scale = s;
      min = m;
    }
  }
  return {static_cast<float>(scale), static_cast<float>(min + static_cast<double>(low))};
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(FitScale);
HWY_EXPORT(FitIq4Scale);
HWY_EXPORT(FitLine);

float fit_scale(std::span<const float> x, const float* w, Tries tries, float low, float high) {
  if (isa() == Isa::kReference) return HWY_STATIC_DISPATCH(FitScale)(x, w, tries, low, high);
  return HWY_DYNAMIC_DISPATCH(FitScale)(x, w, tries, low, high);
}

float fit_iq4_scale(std::span<const float> x, const float* w) {
  if (isa() == Isa::kReference) return HWY_STATIC_DISPATCH(FitIq4Scale)(x, w);
  return HWY_DYNAMIC_DISPATCH(FitIq4Scale)(x, w);
}

Line fit_line(std::span<const float> x, const float* w, float levels, Tries tries) {
  if (isa() == Isa::kReference) return HWY_STATIC_DISPATCH(FitLine)(x, w, levels, tries);
  return HWY_DYNAMIC_DISPATCH(FitLine)(x, w, levels, tries);
}

}  // namespace orrery::kernels
#endif
