#include <algorithm>
#include <cmath>

#include "orrery/kernels/adamw_8bit/adamw_8bit.h"
#include "orrery/kernels/adamw_8bit/decades.h"
#include "orrery/kernels/isa.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/adamw_8bit/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using Codes = hn::Rebind<uint8_t, D>;
using Whole = hn::Rebind<int32_t, D>;

/// From a magnitude between 0 and 1 to the rank of the nearest one: in each decade a line, whose values are cut off to
/// ranks. `from` is half-way from the decade's neighbour below, so that a decade's line may pass its last rank.
struct Ranks {
  explicit Ranks(bool is_signed) : top(static_cast<float>(top_rank(is_signed))) {
    double below = 0;
    const auto all = decades(is_signed);
    for (size_t k = 0; k < all.size(); ++k) {
      const Decade& decade = all[k];
      from[k] = static_cast<float>((below + decade.middle(0)) / 2);
      slope[k] = static_cast<float>(1 / decade.width);
      offset[k] = static_cast<float>(decade.first - decade.start / decade.width);
      last[k] = static_cast<float>(decade.first + decade.count - 1);
      below = decade.middle(decade.count - 1);
    }
    top_from = static_cast<float>((below + 1) / 2);
  }
  V operator()(V x) const {
    const D d;
    V rank = hn::Zero(d);
    for (size_t k = 0; k < kDecades; ++k) {
      const V line = hn::Min(hn::MulAdd(x, hn::Set(d, slope[k]), hn::Set(d, offset[k])), hn::Set(d, last[k]));
      rank = hn::IfThenElse(hn::Ge(x, hn::Set(d, from[k])), line, rank);
    }
    return hn::IfThenElse(hn::Ge(x, hn::Set(d, top_from)), hn::Set(d, top), rank);
  }
  float from[kDecades], slope[kDecades], offset[kDecades], last[kDecades], top_from, top;
};

struct Quantizers {
  std::array<float, 256> m_code = dynamic_code(true), v_code = dynamic_code(false);
  Ranks m_ranks{true}, v_ranks{false};
};

struct Constants {
  V scale, beta1, rest1, beta2, rest2, kept, rate, root, eps;
};

void Quantize(const float* values, float largest, const Ranks& ranks, bool is_signed, uint8_t* codes) {
  const D d;
  const Whole whole;
  const V inverse = hn::Set(d, largest > 0 ? 1 / largest : 0), zero = hn::Zero(d), one = hn::Set(d, 1.f);
  for (size_t i = 0; i < kMomentBlock; i += hn::Lanes(d)) {
    const V value = hn::LoadU(d, values + i);
    const V rank = ranks(hn::Min(hn::Mul(hn::Abs(value), inverse), one));
    hn::Vec<Whole> code = hn::ConvertTo(whole, rank);  // cuts the fraction off
    if (is_signed) {
      const auto zero_code = hn::Set(whole, 127);
      const auto below = hn::Sub(zero_code, hn::Min(code, zero_code));  // there is no -1
      code = hn::IfThenElse(hn::RebindMask(whole, hn::Lt(value, zero)), below, hn::Add(zero_code, code));
    } else {
      code = hn::IfThenElse(hn::RebindMask(whole, hn::Gt(value, zero)), hn::Max(code, hn::Set(whole, 1)), code);
    }
    hn::StoreU(hn::DemoteTo(Codes(), code), Codes(), codes + i);
  }
}

/// One whole block.
void Block(const Constants& c, const Quantizers& quantizers, float* p, const float* gradients, uint8_t* m,
           float& m_scale, uint8_t* v, float& v_scale) {
  const D d;
  const Whole whole;
  HWY_ALIGN float m_new[kMomentBlock], v_new[kMomentBlock];
  const V m_old_scale = hn::Set(d, m_scale), v_old_scale = hn::Set(d, v_scale);
  V m_largest = hn::Zero(d), v_largest = hn::Zero(d);
  const auto load = [&](const std::array<float, 256>& code, const uint8_t* from, V scale) HWY_ATTR {
    return hn::Mul(hn::GatherIndex(d, code.data(), hn::PromoteTo(whole, hn::LoadU(Codes(), from))), scale);
  };
  for (size_t i = 0; i < kMomentBlock; i += hn::Lanes(d)) {
    const V g = hn::Mul(c.scale, hn::LoadU(d, gradients + i));
    const V m_i = hn::MulAdd(c.beta1, load(quantizers.m_code, m + i, m_old_scale), hn::Mul(c.rest1, g));
    const V v_i = hn::MulAdd(c.beta2, load(quantizers.v_code, v + i, v_old_scale), hn::Mul(c.rest2, hn::Mul(g, g)));
    const V change = hn::Div(m_i, hn::MulAdd(hn::Sqrt(v_i), c.root, c.eps));
    hn::StoreU(hn::MulAdd(c.rate, change, hn::Mul(c.kept, hn::LoadU(d, p + i))), d, p + i);
    hn::Store(m_i, d, m_new + i);
    hn::Store(v_i, d, v_new + i);
    m_largest = hn::Max(m_largest, hn::Abs(m_i));
    v_largest = hn::Max(v_largest, v_i);
  }
  m_scale = hn::GetLane(hn::MaxOfLanes(d, m_largest));
  v_scale = hn::GetLane(hn::MaxOfLanes(d, v_largest));
  Quantize(m_new, m_scale, quantizers.m_ranks, true, m);
  Quantize(v_new, v_scale, quantizers.v_ranks, false, v);
}

void AdamW8bit(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients,
               const Moments8bit& m, const Moments8bit& v) {
  static const Quantizers quantizers;
  const D d;
  const auto t = static_cast<double>(step.step);
  const double correction1 = 1 - std::pow(step.beta1, t), correction2 = 1 - std::pow(step.beta2, t);
  const auto set = [d](double value) HWY_ATTR { return hn::Set(d, static_cast<float>(value)); };
  const Constants c{set(step.gradient_scale),
                    set(step.beta1),
                    set(1 - step.beta1),
                    set(step.beta2),
                    set(1 - step.beta2),
                    set(1 - step.learning_rate * step.weight_decay),
                    set(-step.learning_rate / correction1),
                    set(1 / std::sqrt(correction2)),
                    set(step.eps)};
  for (size_t first = 0, block = 0; first < parameters.size(); first += kMomentBlock, ++block) {
    const size_t count = std::min(kMomentBlock, parameters.size() - first);
    float* p = parameters.data() + first;
    const float* g = gradients.data() + first;
    uint8_t *m_codes = m.codes.data() + first, *v_codes = v.codes.data() + first;
    if (count == kMomentBlock) {
      Block(c, quantizers, p, g, m_codes, m.scales[block], v_codes, v.scales[block]);
      continue;
    }
    // A short block as a whole one whose rest is 0 throughout: codes of 0, gradients of 0.
    float padded_p[kMomentBlock] = {}, padded_g[kMomentBlock] = {};
    uint8_t padded_m[kMomentBlock], padded_v[kMomentBlock] = {};
    std::fill_n(padded_m, kMomentBlock, uint8_t{127});
    std::copy_n(p, count, padded_p), std::copy_n(g, count, padded_g);
    std::copy_n(m_codes, count, padded_m), std::copy_n(v_codes, count, padded_v);
    Block(c, quantizers, padded_p, padded_g, padded_m, m.scales[block], padded_v, v.scales[block]);
    std::copy_n(padded_p, count, p), std::copy_n(padded_m, count, m_codes), std::copy_n(padded_v, count, v_codes);
  }
}

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(AdamW8bit);

void adamw_8bit(const AdamWStep& step, std::span<float> parameters, std::span<const float> gradients,
                const Moments8bit& m, const Moments8bit& v) {
  if (isa() == Isa::kReference) return adamw_8bit_reference(step, parameters, gradients, m, v);
  HWY_DYNAMIC_DISPATCH(AdamW8bit)(step, parameters, gradients, m, v);
}

}  // namespace orrery::kernels
#endif
