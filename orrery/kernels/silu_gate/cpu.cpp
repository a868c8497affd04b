#include "orrery/kernels/isa.h"
#include "orrery/kernels/silu_gate/silu_gate.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/silu_gate/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

void SiluGateBackward(std::span<const float> gate, std::span<const float> up, std::span<const float> d_y,
                      std::span<float> d_gate, std::span<float> d_up) {
  const D d;
  const V one = hn::Set(d, 1.0f), largest = hn::Set(d, 88.0f);  // e^x is finite up to here
  const size_t lanes = hn::Lanes(d), size = gate.size();
  // The last values by masked loads: a value's result does not depend on which lane it has.
  for (size_t i = 0; i < size; i += lanes) {
    const bool whole = size - i >= lanes;
    const auto mask = hn::FirstN(d, whole ? lanes : size - i);
    const auto load = [&](std::span<const float> from) HWY_ATTR {
      return whole ? hn::LoadU(d, from.data() + i) : hn::MaskedLoad(mask, d, from.data() + i);
    };
    const auto store = [&](V value, std::span<float> to) HWY_ATTR {
      whole ? hn::StoreU(value, d, to.data() + i) : hn::BlendedStore(value, mask, d, to.data() + i);
    };
    const V g = load(gate), u = load(up), dy = load(d_y);
    const V s = hn::Div(one, hn::Add(one, hn::Exp(d, hn::Min(hn::Neg(g), largest))));
    const V scaled = hn::Mul(dy, s);
    store(hn::Mul(scaled, g), d_up);
    store(hn::Mul(hn::Mul(scaled, u), hn::MulAdd(g, hn::Sub(one, s), one)), d_gate);
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(SiluGateBackward);

void silu_gate_backward(std::span<const float> gate, std::span<const float> up, std::span<const float> d_y,
                        std::span<float> d_gate, std::span<float> d_up) {
  if (isa() == Isa::kReference) return silu_gate_backward_reference(gate, up, d_y, d_gate, d_up);
  HWY_DYNAMIC_DISPATCH(SiluGateBackward)(gate, up, d_y, d_gate, d_up);
}

}  // namespace orrery::kernels
#endif
