// Adam's update of a stretch of values. Included by a cpu.cpp once for each instruction set.
#include <cmath>

#include "orrery/kernels/adamw/adamw.h"

#if defined(ORRERY_ADAMW_UPDATE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef ORRERY_ADAMW_UPDATE_INL_H
#undef ORRERY_ADAMW_UPDATE_INL_H
#else
#define ORRERY_ADAMW_UPDATE_INL_H
#endif

#include <hwy/highway.h>

#include "orrery/kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// A step's numbers, one per vector.
struct AdamUpdate {
  using D = hn::ScalableTag<float>;
  using V = hn::Vec<D>;

  explicit AdamUpdate(const AdamWStep& step) {
    const auto t = static_cast<double>(step.step);
    const double correction1 = 1 - std::pow(step.beta1, t), correction2 = 1 - std::pow(step.beta2, t);
    const auto set = [](double value) HWY_ATTR { return hn::Set(D(), static_cast<float>(value)); };
    scale = set(step.gradient_scale), beta1 = set(step.beta1), rest1 = set(1 - step.beta1), beta2 = set(step.beta2),
    rest2 = set(1 - step.beta2), kept = set(1 - step.learning_rate * step.weight_decay),
    rate = set(-step.learning_rate / correction1), root = set(1 / std::sqrt(correction2)), eps = set(step.eps);
  }

  /// rate_at(rate, i): that of the values from i on. A value's result does not depend on which lane it has.
  template <class Rate>
  HWY_INLINE void operator()(size_t size, float* parameters, const float* gradients, float* m, float* v,
                             const Rate& rate_at) const {
    const D d;
    const size_t lanes = hn::Lanes(d);
    for (size_t i = 0; i < size; i += lanes) {
      const size_t count = size - i < lanes ? size - i : lanes;
      const auto load = [&](const float* from) HWY_ATTR {
        V value;
        LoadRows<1>(d, from + i, count, &value);
        return value;
      };
      const auto store = [&](const V& value, float* to) HWY_ATTR { StoreRows<1>(d, &value, count, to + i); };
      const V g = hn::Mul(scale, load(gradients));
      const V m_new = hn::MulAdd(beta1, load(m), hn::Mul(rest1, g));
      const V v_new = hn::MulAdd(beta2, load(v), hn::Mul(rest2, hn::Mul(g, g)));
      const V change = hn::Div(m_new, hn::MulAdd(hn::Sqrt(v_new), root, eps));
      store(m_new, m);
      store(v_new, v);
      store(hn::MulAdd(rate_at(rate, i), change, hn::Mul(kept, load(parameters))), parameters);
    }
  }

  V scale, beta1, rest1, beta2, rest2, kept, rate, root, eps;
};

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
