#include "orrery/text/engine/rotary.h"

#include <algorithm>
#include <cmath>

namespace orrery::text {
namespace {

// The (fractional) index of the frequency that turns `turns` times over the trained context.
double yarn_index(const RopeSpec& spec, double turns) {
  const double length = static_cast<double>(spec.original_context);
  return static_cast<double>(spec.dim) * std::log(length / (turns * 2 * M_PI)) / (2 * std::log(spec.theta));
}

void scale_yarn(const RopeSpec& spec, std::vector<float>& frequencies) {
  const double last = static_cast<double>(spec.dim - 1);
  const double low = std::clamp(std::floor(yarn_index(spec, spec.beta_fast)), 0.0, last);
  double high = std::clamp(std::ceil(yarn_index(spec, spec.beta_slow)), 0.0, last);
  if (high == low) high += 0.001;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] = static_cast<float>(frequencies[i] / spec.factor * ramp + frequencies[i] * (1 - ramp));
  }
}

void scale_llama3(const RopeSpec& spec, std::vector<float>& frequencies) {
  const double length = static_cast<double>(spec.original_context);
  for (float& frequency : frequencies) {
    const double wavelength = 2 * M_PI / frequency;
    const double smooth = std::clamp(
        (length / wavelength - spec.low_freq_factor) / (spec.high_freq_factor - spec.low_freq_factor), 0.0, 1.0);
    frequency = static_cast<float>((1 - smooth) * frequency / spec.factor + smooth * frequency);
  }
}

double scaled_theta(const RopeSpec& spec, int64_t length) {
  double scale = 1;
  if (spec.scaling == RopeSpec::Scaling::kNtk) scale = spec.factor;
  if (spec.scaling == RopeSpec::Scaling::kDynamic) {
    const double ratio = static_cast<double>(length) / static_cast<double>(spec.original_context);
    scale = spec.factor * std::max(ratio, 1.0) - (spec.factor - 1);
  }
  return spec.theta * std::pow(scale, static_cast<double>(spec.dim) / static_cast<double>(spec.dim - 2));
}

void divide(std::vector<float>& frequencies, const std::vector<float>& factors) {
  for (size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= factors[i];
}

}  // namespace

std::vector<float> rope_frequencies(const RopeSpec& spec, int64_t length) {
  std::vector<float> frequencies(static_cast<size_t>(spec.dim / 2));
  const auto theta = static_cast<float>(scaled_theta(spec, length));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const auto exponent = static_cast<float>(2 * i) / static_cast<float>(spec.dim);
    frequencies[i] = 1.0f / std::pow(theta, exponent);
  }
  switch (spec.scaling) {
    case RopeSpec::Scaling::kNone:
    case RopeSpec::Scaling::kNtk:
    case RopeSpec::Scaling::kDynamic:
      break;
    case RopeSpec::Scaling::kLinear:
      for (float& frequency : frequencies) frequency /= static_cast<float>(spec.factor);
      break;
    case RopeSpec::Scaling::kYarn:
      scale_yarn(spec, frequencies);
      break;
    case RopeSpec::Scaling::kLlama3:
      scale_llama3(spec, frequencies);
      break;
    case RopeSpec::Scaling::kLongRope:
      divide(frequencies, length > spec.original_context ? spec.factors : spec.short_factors);
      break;
    case RopeSpec::Scaling::kFactors:
      divide(frequencies, spec.factors);
      break;
  }
  return frequencies;
}

Rotary::Rotary(const RopeSpec& spec, bool endless)
    : spec_(spec), endless_(endless), frequencies_(rope_frequencies(spec)) {}

void Rotary::begin(std::span<const int64_t> positions, std::span<const int64_t> lengths) {
  if (table_.size() < 2 * size() * positions.size()) table_.resize(2 * size() * positions.size());
  const auto attention_factor = static_cast<float>(spec_.attention_factor);
  float* out = table_.data();
  for (size_t row = 0; row < positions.size(); ++row, out += 2 * size()) {
    if (spec_.by_length() && lengths[row] != length_) {
      length_ = lengths[row];
      frequencies_ = rope_frequencies(spec_, length_);
    }
    for (size_t i = 0; i < size(); ++i) {
      const auto position = static_cast<double>(positions[row]);
      const double angle =
          endless_ ? std::fmod(position * frequencies_[i], 2 * M_PI) : static_cast<float>(position) * frequencies_[i];
      out[i] = std::cos(static_cast<float>(angle)) * attention_factor;
      out[i + size()] = std::sin(static_cast<float>(angle)) * attention_factor;
    }
  }
}

}  // namespace orrery::text
