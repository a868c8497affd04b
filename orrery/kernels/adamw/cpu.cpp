#include <cmath>

#include "orrery/kernels/adamw/adamw.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/adamw/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

void AdamW(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients, std::span<float> m,
           std::span<float> v) {
  const D d;
  const auto t = static_cast<double>(step.step);
  const double correction1 = 1 - std::pow(step.beta1, t), correction2 = 1 - std::pow(step.beta2, t);
  const auto set = [d](double value) HWY_ATTR { return hn::Set(d, static_cast<float>(value)); };
  const V scale = set(step.gradient_scale), beta1 = set(step.beta1), rest1 = set(1 - step.beta1),
          beta2 = set(step.beta2), rest2 = set(1 - step.beta2), kept = set(1 - step.learning_rate * step.weight_decay),
          rate = set(-step.learning_rate / correction1), root = set(1 / std::sqrt(correction2)), eps = set(step.eps);
  const size_t lanes = hn::Lanes(d), size = parameters.size();
  // The last values by masked loads: a value's result does not depend on which lane it has.
  for (size_t i = 0; i < size; i += lanes) {
    const size_t count = size - i < lanes ? size - i : lanes;
    const auto mask = hn::FirstN(d, count);
    const auto load = [&](const float* from)
                          HWY_ATTR { return count == lanes ? hn::LoadU(d, from) : hn::MaskedLoad(mask, d, from); };
    const auto store = [&](V value, float* to) HWY_ATTR {
      count == lanes ? hn::StoreU(value, d, to) : hn::BlendedStore(value, mask, d, to);
    };
    const V g = hn::Mul(scale, load(gradients.data() + i));
    const V m_new = hn::MulAdd(beta1, load(m.data() + i), hn::Mul(rest1, g));
    const V v_new = hn::MulAdd(beta2, load(v.data() + i), hn::Mul(rest2, hn::Mul(g, g)));
    const V change = hn::Div(m_new, hn::MulAdd(hn::Sqrt(v_new), root, eps));
    store(m_new, m.data() + i);
    store(v_new, v.data() + i);
    store(hn::MulAdd(rate, change, hn::Mul(kept, load(parameters.data() + i))), parameters.data() + i);
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(AdamW);

void adamw(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients, std::span<float> m,
           std::span<float> v) {
  if (isa() == Isa::kReference) return adamw_reference(step, parameters, gradients, m, v);
  HWY_DYNAMIC_DISPATCH(AdamW)(step, parameters, gradients, m, v);
}

}  // namespace orrery::kernels
#endif
