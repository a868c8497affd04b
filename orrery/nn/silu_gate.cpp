#include "orrery/nn/silu_gate.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "orrery/kernels/activation/activation.h"
#include "orrery/kernels/silu_gate/silu_gate.h"

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr int64_t kValues = 1 << 14;  // a thread's least

struct Part {  // of the values, for a thread
  int64_t first, last;
  std::span<const float> of(const at::Tensor& x) const { return {x.const_data_ptr<float>() + first, size()}; }
  std::span<float> in(const at::Tensor& x) const { return {x.data_ptr<float>() + first, size()}; }
  size_t size() const { return static_cast<size_t>(last - first); }
};

class SiluGate : public torch::autograd::Function<SiluGate> {
 public:
  static Variable forward(AutogradContext* context, const Variable& strided_gate, const Variable& strided_up) {
    const at::Tensor gate = strided_gate.contiguous(), up = strided_up.contiguous();
    context->save_for_backward({gate, up});
    return silu_gate_values(gate, up);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto [d_gate, d_up] = silu_gate_gradients(saved[0], saved[1], gradients[0]);
    return {d_gate, d_up};
  }
};

}  // namespace

at::Tensor silu_gate_values(const at::Tensor& gate, const at::Tensor& up) {
  const at::Tensor y = at::empty_like(gate);
  at::parallel_for(0, gate.numel(), kValues, [&](int64_t first, int64_t last) {
    const Part part{first, last};
    kernels::activate_gated(kernels::Activation::kSilu, part.of(gate), part.of(up), part.in(y));
  });
  return y;
}

std::pair<at::Tensor, at::Tensor> silu_gate_gradients(const at::Tensor& gate, const at::Tensor& up,
                                                      const at::Tensor& maybe_strided) {
  const at::Tensor d_y = maybe_strided.contiguous(), d_gate = at::empty_like(gate), d_up = at::empty_like(up);
  at::parallel_for(0, gate.numel(), kValues, [&](int64_t first, int64_t last) {
    const Part part{first, last};
    kernels::silu_gate_backward(part.of(gate), part.of(up), part.of(d_y), part.in(d_gate), part.in(d_up));
  });
  return {d_gate, d_up};
}

at::Tensor silu_gate(const at::Tensor& gate, const at::Tensor& up) { return SiluGate::apply(gate, up); }

}  // namespace orrery::nn
