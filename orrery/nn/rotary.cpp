#include "orrery/nn/rotary.h"

#include <algorithm>

#include "orrery/text/engine/rotary.h"

namespace orrery::nn {

RotaryAngles::RotaryAngles(const text::RopeSpec& spec, const PackedRows& rows) : spec_(spec) {
  if (spec.dim == 0) return;
  std::vector<int64_t> lengths;
  for (int64_t row = 0; row < rows.rows(); ++row)
    lengths.insert(lengths.end(), rows.offsets[row + 1] - rows.offsets[row], rows.offsets[row + 1] - rows.offsets[row]);
  text::Rotary rotary(spec);
  const auto* positions = rows.positions.const_data_ptr<int64_t>();
  rotary.begin({positions, lengths.size()}, lengths);
  cos_ = at::empty({rows.size(), 1, spec.dim / 2}, at::kFloat);
  sin_ = at::empty_like(cos_);
  for (int64_t t = 0; t < rows.size(); ++t) {
    std::ranges::copy(rotary.cos(t), cos_.data_ptr<float>() + t * spec.dim / 2);
    std::ranges::copy(rotary.sin(t), sin_.data_ptr<float>() + t * spec.dim / 2);
  }
}

at::Tensor RotaryAngles::turn(const at::Tensor& x) const {
  if (spec_.dim == 0) return x;
  const at::Tensor turning = x.narrow(-1, 0, spec_.dim), rest = x.narrow(-1, spec_.dim, x.size(-1) - spec_.dim);
  if (spec_.layout == text::RopeLayout::kHalf) {
    const at::Tensor a = turning.narrow(-1, 0, spec_.dim / 2), b = turning.narrow(-1, spec_.dim / 2, spec_.dim / 2);
    return at::cat({a * cos_ - b * sin_, b * cos_ + a * sin_, rest}, -1);
  }
  const at::Tensor pairs = turning.unflatten(-1, at::IntArrayRef({spec_.dim / 2, 2}));
  const at::Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
  return at::cat({at::stack({a * cos_ - b * sin_, b * cos_ + a * sin_}, -1).flatten(-2), rest}, -1);
}

}  // namespace orrery::nn
