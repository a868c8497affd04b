#include "orrery/kernels/adamw/adamw.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/adamw/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "orrery/kernels/adamw/update-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {

void AdamW(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients, std::span<float> m,
           std::span<float> v) {
  const AdamUpdate update(step);
  update(parameters.size(), parameters.data(), gradients.data(), m.data(), v.data(),
         [](AdamUpdate::V rate, size_t) HWY_ATTR { return rate; });
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
