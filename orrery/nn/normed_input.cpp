#include "orrery/nn/normed_input.h"

#include <algorithm>

#include "orrery/nn/normed_products.h"

namespace orrery::nn {

const at::Tensor& NormedInput::value() const {
  if (!value_.defined()) value_ = (*norm_)(x_);
  return value_;
}

std::vector<at::Tensor> NormedInput::products(std::initializer_list<const Linear*> linears) const {
  std::vector<at::Tensor> products, weights;
  const bool together = norm_ && norm_->kind == text::NormKind::kRms &&
                        std::ranges::all_of(linears, [](auto* linear) { return linear->learns_alone(); });
  if (!together) {
    for (const Linear* linear : linears) products.push_back((*linear)(value()));
    return products;
  }
  for (const Linear* linear : linears) weights.push_back(linear->weight);
  products = normed_products(x_, norm_->scale(), norm_->eps, weights, (*linears.begin())->half);
  for (size_t i = 0; i < products.size(); ++i)
    if (const at::Tensor& bias = linears.begin()[i]->bias; bias.defined()) products[i] = products[i] + bias;
  return products;
}

}  // namespace orrery::nn
