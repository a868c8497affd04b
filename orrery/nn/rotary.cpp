#include "orrery/nn/rotary.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "orrery/kernels/rope/rope.h"
#include "orrery/text/engine/rotary.h"

namespace orrery::nn {

at::Tensor turned_halves(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const at::Tensor y = x.clone(at::MemoryFormat::Contiguous);
  const auto pairs = static_cast<size_t>(cos.size(-1));
  at::parallel_for(0, y.size(0), 64, [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; ++t)
      kernels::rope(y.data_ptr<float>() + t * y.stride(0), y.size(1), y.size(2),
                    {cos.const_data_ptr<float>() + t * cos.size(-1), pairs},
                    {sin.const_data_ptr<float>() + t * cos.size(-1), pairs});
  });
  return y;
}

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

class TurnHalves : public torch::autograd::Function<TurnHalves> {
 public:
  static Variable forward(AutogradContext* context, const Variable& x, const Variable& cos, const Variable& sin) {
    context->save_for_backward({cos, sin});
    return turned_halves(x, cos, sin);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {  // turned back
    const variable_list saved = context->get_saved_variables();
    return {turned_halves(gradients[0], saved[0], saved[1].neg()), {}, {}};
  }
};

}  // namespace

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
  if (are_of_halves()) return TurnHalves::apply(x, cos_, sin_);
  const at::Tensor turning = x.narrow(-1, 0, spec_.dim), rest = x.narrow(-1, spec_.dim, x.size(-1) - spec_.dim);
  const at::Tensor pairs = turning.unflatten(-1, at::IntArrayRef({spec_.dim / 2, 2}));
  const at::Tensor a = pairs.select(-1, 0), b = pairs.select(-1, 1);
  return at::cat({at::stack({a * cos_ - b * sin_, b * cos_ + a * sin_}, -1).flatten(-2), rest}, -1);
}

}  // namespace orrery::nn
