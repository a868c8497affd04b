// On Highway. A call reads a value (or two) and writes one, and computes an e^x; rows lie in the first-level cache.
#include "orrery/kernels/activation/activation.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/activation/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// e^x is finite up to here.
HWY_INLINE V bounded_exp(D d, V x) { return hn::Exp(d, hn::Min(x, hn::Set(d, 88.0f))); }

// numerator·sigmoid(x)
HWY_INLINE V times_sigmoid(D d, V numerator, V x) {
  return hn::Div(numerator, hn::Add(hn::Set(d, 1.0f), bounded_exp(d, hn::Neg(x))));
}

// erfc(z)·e^(z²) for z in [0, 10], over t = 2/(2 + z), as a polynomial in s = 2t - 1: interpolated at Chebyshev's
// points of t in [1/6, 1], relative error 5e-8.
HWY_INLINE V scaled_erfc(D d, V z) {
  const V t = hn::Div(hn::Set(d, 2.0f), hn::Add(hn::Set(d, 2.0f), z));
  const V s = hn::MulSub(hn::Set(d, 2.0f), t, hn::Set(d, 1.0f));
  V p = hn::Set(d, -2.332614023e-04f);
  for (float c : {3.820987008e-04f, 1.489390653e-03f, -3.222313867e-03f, -1.074078630e-02f, 1.821842038e-02f,
                  1.397345957e-01f, 3.435804372e-01f, 5.107913774e-01f}) {
    p = hn::MulAdd(p, s, hn::Set(d, c));
  }
  return hn::Mul(p, t);
}

// x·Φ(x) with Φ(-|x|) = e^(-x²/2)·scaled_erfc(|x|/√2)/2. What rounding takes off x²/2 is given back: of a large one the
// last bit is a relative error of its size. Beyond ±14, Φ(x) is 1, or 0 in float32.
HWY_INLINE V gelu_erf(D d, V x) {
  const V size = hn::Min(hn::Abs(x), hn::Set(d, 14.0f)), half = hn::Mul(size, hn::Set(d, 0.5f));
  const V square = hn::Mul(size, half), lost = hn::MulSub(size, half, square);
  const V e = hn::Exp(d, hn::Neg(square)), exact = hn::NegMulAdd(e, lost, e);
  const V erfc = scaled_erfc(d, hn::Mul(size, hn::Set(d, 0.707106781f)));
  const V lower = hn::Mul(hn::Mul(exact, erfc), hn::Set(d, 0.5f));
  return hn::Mul(x, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), lower, hn::Sub(hn::Set(d, 1.0f), lower)));
}

template <Activation kActivation>
HWY_INLINE V value(D d, V x) {
  if constexpr (kActivation == Activation::kSilu) {
    return times_sigmoid(d, x, x);
  } else if constexpr (kActivation == Activation::kGeluTanh) {  // x/2·(1 + tanh u) = x·sigmoid(2u)
    const V inner = hn::MulAdd(hn::Mul(hn::Set(d, 0.044715f), x), hn::Mul(x, x), x);
    return times_sigmoid(d, x, hn::Mul(hn::Set(d, 1.59576912f), inner));
  } else if constexpr (kActivation == Activation::kGeluErf) {
    return gelu_erf(d, x);
  } else if constexpr (kActivation == Activation::kRelu2) {
    const V positive = hn::Max(x, hn::Zero(d));
    return hn::Mul(positive, positive);
  } else if constexpr (kActivation == Activation::kSigmoid) {
    return times_sigmoid(d, hn::Set(d, 1.0f), x);
  } else {
    return hn::Tanh(d, x);
  }
}

// f(at, count) for whole vectors, and once for what is left over.
template <class F>
HWY_INLINE void in_vectors(int64_t count, const F& f) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) f(i, lanes);
  if (i < count) f(i, count - i);
}

HWY_INLINE V load(D d, const float* at, int64_t count) {
  if (count == static_cast<int64_t>(hn::Lanes(d))) return hn::LoadU(d, at);
  HWY_ALIGN float padded[HWY_LANES(float)] = {};
  for (int64_t i = 0; i < count; ++i) padded[i] = at[i];
  return hn::Load(d, padded);
}

HWY_INLINE void store(D d, V v, float* at, int64_t count) {
  if (count == static_cast<int64_t>(hn::Lanes(d))) return hn::StoreU(v, d, at);
  HWY_ALIGN float padded[HWY_LANES(float)];
  hn::Store(v, d, padded);
  for (int64_t i = 0; i < count; ++i) at[i] = padded[i];
}

template <Activation kActivation>
void activate_all(const float* x, float* y, int64_t count) {
  const D d;
  in_vectors(count,
             [=](int64_t at, int64_t n) HWY_ATTR { store(d, value<kActivation>(d, load(d, x + at, n)), y + at, n); });
}

template <Activation kActivation>
void gate_all(const float* gate, const float* up, float* out, int64_t count) {
  const D d;
  in_vectors(count, [=](int64_t at, int64_t n) HWY_ATTR {
    const V activated = value<kActivation>(d, load(d, gate + at, n));
    store(d, hn::Mul(activated, load(d, up + at, n)), out + at, n);
  });
}

using ActivateFunction = void (*)(const float* x, float* y, int64_t count);

ActivateFunction ChooseActivation(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return activate_all<Activation::kSilu>;
    case Activation::kGeluTanh:
      return activate_all<Activation::kGeluTanh>;
    case Activation::kGeluErf:
      return activate_all<Activation::kGeluErf>;
    case Activation::kRelu2:
      return activate_all<Activation::kRelu2>;
    case Activation::kSigmoid:
      return activate_all<Activation::kSigmoid>;
    default:
      return activate_all<Activation::kTanh>;
  }
}

GateFunction ChooseGate(Activation activation) {
  switch (activation) {
    case Activation::kSilu:
      return gate_all<Activation::kSilu>;
    case Activation::kGeluTanh:
      return gate_all<Activation::kGeluTanh>;
    case Activation::kGeluErf:
      return gate_all<Activation::kGeluErf>;
    case Activation::kRelu2:
      return gate_all<Activation::kRelu2>;
    case Activation::kSigmoid:
      return gate_all<Activation::kSigmoid>;
    default:
      return gate_all<Activation::kTanh>;
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(ChooseActivation);
HWY_EXPORT(ChooseGate);

void activate(Activation activation, std::span<const float> x, std::span<float> y) {
  if (isa() == Isa::kReference) return activate_reference(activation, x, y);
  HWY_DYNAMIC_DISPATCH(ChooseActivation)(activation)(x.data(), y.data(), static_cast<int64_t>(x.size()));
}

GateFunction gate_function(Activation activation) {
  if (isa() == Isa::kReference) return gate_function_reference(activation);
  return HWY_DYNAMIC_DISPATCH(ChooseGate)(activation);
}

void activate_gated(Activation activation, std::span<const float> gate, std::span<const float> up,
                    std::span<float> out) {
  gate_function(activation)(gate.data(), up.data(), out.data(), static_cast<int64_t>(gate.size()));
}

void activate_gated_strips(Activation activation, std::span<const float> strips, std::span<float> out) {
  const GateFunction gate = gate_function(activation);
  for (size_t i = 0; i < out.size(); i += 16) gate(&strips[2 * i], &strips[2 * i + 16], &out[i], 16);
}

}  // namespace orrery::kernels
#endif
