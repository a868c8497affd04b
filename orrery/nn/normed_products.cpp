#include "orrery/nn/normed_products.h"

#include <torch/csrc/autograd/custom_function.h>

#include <optional>

#include "orrery/nn/rms_norm.h"
#include "orrery/nn/weight_gradient.h"

namespace orrery::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr size_t kMost = 3;  // matrices

/// Tensors one below the other, in bfloat16: their products are one product.
at::Tensor joined(const variable_list& parts, int64_t axis) {
  std::vector<int64_t> sizes = parts[0].sizes().vec();
  sizes[axis] = 0;
  for (const at::Tensor& part : parts) sizes[axis] += part.size(axis);
  const at::Tensor all = at::empty(sizes, parts[0].options().dtype(at::kBFloat16));
  int64_t first = 0;
  for (const at::Tensor& part : parts) {
    all.narrow(axis, first, part.size(axis)).copy_(part);
    first += part.size(axis);
  }
  return all;
}

/// The pieces of what joined matrices gave, each as long along `axis` as its matrix has rows.
variable_list apart(const at::Tensor& all, const variable_list& weights, int64_t axis) {
  variable_list pieces;
  int64_t first = 0;
  for (const at::Tensor& weight : weights) {
    pieces.push_back(all.narrow(axis, first, weight.size(0)));
    first += weight.size(0);
  }
  return pieces;
}

struct Gradients {
  at::Tensor d_read;
  variable_list d_weights;  ///< of those that want one
};

Gradients in_float(const at::Tensor& read, const variable_list& weights, const variable_list& d_products) {
  Gradients all{at::matmul(d_products[0], weights[0]), variable_list(weights.size())};
  for (size_t i = 1; i < weights.size(); ++i) all.d_read.addmm_(d_products[i], weights[i]);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!weights[i].requires_grad()) continue;
    WeightGradient d_weight(weights[i]);
    d_weight.add_product(d_products[i], read);
    all.d_weights[i] = d_weight.returned();
  }
  return all;
}

Gradients in_half(const at::Tensor& read, const variable_list& weights, const variable_list& d_products) {
  const at::Tensor d_all = joined(d_products, 1);
  Gradients all{at::matmul(d_all, joined(weights, 0)).to(at::kFloat), variable_list(weights.size())};
  if (!weights[0].requires_grad()) return all;
  const variable_list pieces = apart(at::matmul(d_all.t(), read.to(at::kBFloat16)), weights, 0);
  for (size_t i = 0; i < weights.size(); ++i) {
    WeightGradient d_weight(weights[i]);
    d_weight.add(pieces[i]);
    all.d_weights[i] = d_weight.returned();
  }
  return all;
}

class NormedProducts : public torch::autograd::Function<NormedProducts> {
 public:
  static variable_list forward(AutogradContext* context, const Variable& strided, const Variable& norm_weight,
                               const Variable& first, const std::optional<at::Tensor>& second,
                               const std::optional<at::Tensor>& third, double eps, bool half) {
    const at::Tensor x = strided.contiguous(), read = rms_norm_values(x, norm_weight, eps);
    variable_list weights{first};
    if (second) weights.push_back(*second);
    if (third) weights.push_back(*third);
    variable_list saved{x, norm_weight};
    saved.insert(saved.end(), weights.begin(), weights.end());
    context->save_for_backward(saved);
    context->saved_data["eps"] = eps;
    context->saved_data["half"] = half;
    variable_list products;
    if (half) {
      for (const at::Tensor& piece : apart(at::linear(read.to(at::kBFloat16), joined(weights, 0)), weights, 1))
        products.push_back(piece.to(at::kFloat));
      return products;
    }
    for (const at::Tensor& weight : weights) products.push_back(at::linear(read, weight));
    return products;
  }

  static variable_list backward(AutogradContext* context, variable_list d_products) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &norm_weight = saved[1];
    const variable_list weights(saved.begin() + 2, saved.end());
    const double eps = context->saved_data["eps"].toDouble();
    const at::Tensor read = rms_norm_values(x, norm_weight, eps);
    Gradients all = (context->saved_data["half"].toBool() ? in_half : in_float)(read, weights, d_products);
    const auto [d_x, d_norm] = rms_norm_gradients(x, norm_weight, eps, all.d_read);
    all.d_weights.resize(kMost);
    return {d_x, d_norm, all.d_weights[0], all.d_weights[1], all.d_weights[2], {}, {}};
  }
};

}  // namespace

std::vector<at::Tensor> normed_products(const at::Tensor& x, const at::Tensor& norm_weight, double eps,
                                        const std::vector<at::Tensor>& weights, bool half) {
  const auto maybe = [&](size_t i) { return i < weights.size() ? std::optional(weights[i]) : std::nullopt; };
  return NormedProducts::apply(x, norm_weight, weights[0], maybe(1), maybe(2), eps, half);
}

}  // namespace orrery::nn
