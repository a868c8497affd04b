#include <algorithm>
#include <cmath>
#include <vector>

#include "orrery/kernels/adamw_8bit/adamw_8bit.h"
#include "orrery/kernels/adamw_8bit/decades.h"

namespace orrery::kernels {

namespace {

void dequantize(const std::array<float, 256>& code, const Moments8bit& moments, std::span<float> values) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = code[moments.codes[i]] * moments.scales[i / kMomentBlock];
}

void quantize(const std::array<float, 256>& code, std::span<const float> values, const Moments8bit& moments) {
  for (size_t block = 0; block < moments.scales.size(); ++block) {
    const auto part =
        values.subspan(block * kMomentBlock, std::min(kMomentBlock, values.size() - block * kMomentBlock));
    float scale = 0;
    for (const float value : part) scale = std::max(scale, std::fabs(value));
    moments.scales[block] = scale;
    for (size_t i = 0; i < part.size(); ++i) {
      const double wanted = scale > 0 ? static_cast<double>(part[i]) / scale : 0;
      size_t nearest = 0;
      for (size_t c = 1; c < code.size(); ++c)
        if (std::fabs(code[c] - wanted) < std::fabs(code[nearest] - wanted)) nearest = c;
      if (code[0] == 0 && wanted > 0) nearest = std::max<size_t>(nearest, 1);
      moments.codes[block * kMomentBlock + i] = static_cast<uint8_t>(nearest);
    }
  }
}

}  // namespace

std::array<float, 256> dynamic_code(bool is_signed) {
  std::array<float, 256> code{};
  const size_t zero = is_signed ? 127 : 0;
  for (const Decade& decade : decades(is_signed))
    for (int i = 0; i < decade.count; ++i) {
      const auto rank = static_cast<size_t>(decade.first + i);
      code[zero + rank] = static_cast<float>(decade.middle(i));
      if (is_signed) code[zero - rank] = -code[zero + rank];
    }
  code[255] = 1;
  return code;
}

void adamw_8bit_reference(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients,
                          const Moments8bit& m, const Moments8bit& v) {
  std::vector<float> m_values(parameters.size()), v_values(parameters.size());
  dequantize(dynamic_code(true), m, m_values);
  dequantize(dynamic_code(false), v, v_values);
  adamw_reference(step, parameters, gradients, m_values, v_values);
  quantize(dynamic_code(true), m_values, m);
  quantize(dynamic_code(false), v_values, v);
}

}  // namespace orrery::kernels
