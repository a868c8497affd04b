#include "orrery/kernels/isa.h"
#include "orrery/kernels/lion/lion.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/lion/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

void Lion(const LionStep& step, std::span<float> parameters, std::span<const float> gradients, std::span<float> m) {
  const D d;
  const auto set = [d](double value) HWY_ATTR { return hn::Set(d, static_cast<float>(value)); };
  const V scale = set(step.gradient_scale), beta1 = set(step.beta1), rest1 = set(1 - step.beta1),
          beta2 = set(step.beta2), rest2 = set(1 - step.beta2), kept = set(1 - step.learning_rate * step.weight_decay),
          rate = set(step.learning_rate), zero = hn::Zero(d);
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
    const V g = hn::Mul(scale, load(gradients.data() + i)), m_old = load(m.data() + i);
    const V direction = hn::MulAdd(beta1, m_old, hn::Mul(rest1, g));
    const V change = hn::IfThenZeroElse(hn::Eq(direction, zero), hn::CopySign(rate, direction));
    store(hn::MulSub(kept, load(parameters.data() + i), change), parameters.data() + i);
    store(hn::MulAdd(beta2, m_old, hn::Mul(rest2, g)), m.data() + i);
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(Lion);

void lion(const LionStep& step, std::span<float> parameters, std::span<const float> gradients, std::span<float> m) {
  if (isa() == Isa::kReference) return lion_reference(step, parameters, gradients, m);
  HWY_DYNAMIC_DISPATCH(Lion)(step, parameters, gradients, m);
}

}  // namespace orrery::kernels
#endif
