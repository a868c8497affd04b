#include "orrery/nn/weight_gradient.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cassert>

#include "orrery/kernels/convert/convert.h"

namespace orrery::nn {

namespace {

constexpr int64_t kAddedAtOnce = 1 << 14;  // a thread's least
constexpr int64_t kProduct = 4 << 20;      // values of a product in bfloat16 that are made, and added, at once

/// sum += x. at::add_ would make a float32 copy of x first.
void add_half(const at::Tensor& sum, const at::Tensor& x) {
  assert(sum.is_contiguous() && x.is_contiguous());
  float* y = sum.data_ptr<float>();
  const auto* bits = reinterpret_cast<const uint16_t*>(x.const_data_ptr<at::BFloat16>());
  at::parallel_for(0, x.numel(), kAddedAtOnce, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) y[i] += kernels::bf16_to_f32(bits[i]);
  });
}

}  // namespace

const at::Tensor& WeightGradient::sum() {
  if (!sum_.defined()) sum_ = at::zeros_like(weight_, at::MemoryFormat::Contiguous);
  return sum_;
}

void WeightGradient::add(const at::Tensor& gradient) {
  if (!sum_.defined())
    sum_ = gradient.to(at::kFloat);
  else if (gradient.scalar_type() == at::kBFloat16)
    add_half(sum_, gradient);
  else
    sum_.add_(gradient);
}

void WeightGradient::add_product(const at::Tensor& d_y, const at::Tensor& x, int64_t first) {
  const int64_t outputs = d_y.size(1), at_once = std::max<int64_t>(1, kProduct / x.size(1));
  if (!sum_.defined() && outputs == weight_.size(0) && outputs <= at_once) {
    sum_ = at::matmul(d_y.t(), x).to(at::kFloat);
  } else if (d_y.scalar_type() == at::kFloat) {
    sum().narrow(0, first, outputs).addmm_(d_y.t(), x);
  } else {
    for (int64_t i = 0; i < outputs; i += at_once) {
      const int64_t count = std::min(at_once, outputs - i);
      add_half(sum().narrow(0, first + i, count), at::matmul(d_y.narrow(1, i, count).t(), x));
    }
  }
}

at::Tensor WeightGradient::returned() const {
  if (!weight_.is_leaf()) return sum_;
  weight_.mutable_grad() = sum_;
  return {};
}

}  // namespace orrery::nn
