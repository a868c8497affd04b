#include <cmath>
#include <numbers>

#include "orrery/kernels/activation/activation.h"

namespace orrery::kernels {
namespace {

double value(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGeluTanh: {  // x/2·(1 + tanh u) = x·sigmoid(2u), which keeps its digits where tanh is near -1
      const double u = std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return x / (1 + std::exp(-2 * u));
    }
    case Activation::kGeluErf:
      return x / 2 * std::erfc(-x / std::numbers::sqrt2);
    case Activation::kRelu2:
      return x > 0 ? x * x : 0;
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case Activation::kTanh:
      return std::tanh(x);
  }
  return x;
}

template <Activation kActivation>
void gate(const float* gate, const float* up, float* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(value(kActivation, gate[i]) * up[i]);
}

}  // namespace

void activate_reference(Activation activation, std::span<const float> x, std::span<float> y) {
  for (size_t i = 0; i < x.size(); ++i) y[i] = static_cast<float>(value(activation, x[i]));
}

GateFunction gate_function_reference(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return gate<Activation::kSilu>;
    case Activation::kGeluTanh:
      return gate<Activation::kGeluTanh>;
    case Activation::kGeluErf:
      return gate<Activation::kGeluErf>;
    case Activation::kRelu2:
      return gate<Activation::kRelu2>;
    case Activation::kSigmoid:
      return gate<Activation::kSigmoid>;
    default:
      return gate<Activation::kTanh>;
  }
}

void activate_gated_reference(Activation activation, std::span<const float> gate, std::span<const float> up,
                              std::span<float> out) {
  gate_function_reference(activation)(gate.data(), up.data(), out.data(), static_cast<int64_t>(gate.size()));
}

}  // namespace orrery::kernels
