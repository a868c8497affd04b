#include "orrery/kernels/isa.h"
#include "orrery/kernels/wkv/wkv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "orrery/kernels/wkv/cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <hwy/contrib/math/math-inl.h>

#include "orrery/kernels/sums-inl.h"

HWY_BEFORE_NAMESPACE();
namespace orrery::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// ---- RWKV-4: lanes are channels

/// Channels [c, c + lanes): all tokens in turn, the state in registers.
void Wkv4Lanes(const TokenRows& k, const TokenRows& v, const float* decay, const float* bonus, int64_t tokens,
               float* numerator, float* denominator, float* largest, const TokenRowsOut& y, size_t c) {
  const D d;
  const V decays = hn::LoadU(d, decay), bonuses = hn::LoadU(d, bonus);
  V num = hn::LoadU(d, numerator), den = hn::LoadU(d, denominator), most = hn::LoadU(d, largest);
  for (int64_t t = 0; t < tokens; ++t) {
    const V key = hn::LoadU(d, k[t] + c), value = hn::LoadU(d, v[t] + c);
    const V with_bonus = hn::Add(bonuses, key);
    V top = hn::Max(most, with_bonus);
    V old = hn::Exp(d, hn::Sub(most, top)), now = hn::Exp(d, hn::Sub(with_bonus, top));
    hn::StoreU(hn::Div(hn::MulAdd(old, num, hn::Mul(now, value)), hn::MulAdd(old, den, now)), d, y[t] + c);
    const V faded = hn::Add(most, decays);
    top = hn::Max(faded, key);
    old = hn::Exp(d, hn::Sub(faded, top)), now = hn::Exp(d, hn::Sub(key, top));
    num = hn::MulAdd(old, num, hn::Mul(now, value));
    den = hn::MulAdd(old, den, now);
    most = top;
  }
  hn::StoreU(num, d, numerator);
  hn::StoreU(den, d, denominator);
  hn::StoreU(most, d, largest);
}

void Wkv4(const TokenRows& k, const TokenRows& v, std::span<const float> decay, std::span<const float> bonus,
          int64_t tokens, const Wkv4State& state, const TokenRowsOut& y) {
  const size_t lanes = hn::Lanes(D()), channels = decay.size();
  size_t c = 0;
  for (; c + lanes <= channels; c += lanes) {
    Wkv4Lanes(k, v, decay.data() + c, bonus.data() + c, tokens, state.numerator.data() + c,
              state.denominator.data() + c, state.largest.data() + c, y, c);
  }
  if (c == channels) return;
  const size_t rest = channels - c;
  wkv4_reference({k.data + c, k.stride}, {v.data + c, v.stride}, decay.subspan(c), bonus.subspan(c), tokens,
                 {state.numerator.subspan(c, rest), state.denominator.subspan(c, rest), state.largest.subspan(c, rest)},
                 {y.data + c, y.stride});
}

// ---- RWKV-5 and 6: lanes are values

/// kVectors vectors of values at `column`. Σ_i r_i bonus_i k_i is the same for all values.
template <int kVectors>
void Wkv5Columns(const Wkv5Head& head, int64_t tokens, float* state, const TokenRowsOut& y, int64_t column) {
  const D d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d)), size = static_cast<int64_t>(head.bonus.size());
  for (int64_t t = 0; t < tokens; ++t) {
    const float *r = head.r[t], *k = head.k[t], *decay = head.decay[t];
    float own = 0;
    for (int64_t i = 0; i < size; ++i) own += r[i] * head.bonus[i] * k[i];
    V value[kVectors], sum[kVectors];
    for (int n = 0; n < kVectors; ++n) {
      value[n] = hn::LoadU(d, head.v[t] + column + n * lanes);
      sum[n] = hn::Mul(hn::Set(d, own), value[n]);
    }
    for (int64_t i = 0; i < size; ++i) {
      float* row = state + i * size + column;
      const V ri = hn::Set(d, r[i]), ki = hn::Set(d, k[i]), wi = hn::Set(d, decay[i]);
      for (int n = 0; n < kVectors; ++n) {
        const V s = hn::LoadU(d, row + n * lanes);
        sum[n] = hn::MulAdd(ri, s, sum[n]);
        hn::StoreU(hn::MulAdd(wi, s, hn::Mul(ki, value[n])), d, row + n * lanes);
      }
    }
    for (int n = 0; n < kVectors; ++n) hn::StoreU(sum[n], d, y[t] + column + n * lanes);
  }
}

void Wkv5(const Wkv5Head& head, int64_t tokens, std::span<float> state, const TokenRowsOut& y) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D())), size = static_cast<int64_t>(head.bonus.size());
  if (size % lanes != 0) return wkv5_reference(head, tokens, state, y);
  int64_t column = 0;
  for (; column + 4 * lanes <= size; column += 4 * lanes) Wkv5Columns<4>(head, tokens, state.data(), y, column);
  for (; column < size; column += lanes) Wkv5Columns<1>(head, tokens, state.data(), y, column);
}

// ---- RWKV-7: lanes are keys

#if HWY_TARGET == HWY_SCALAR
void Wkv7(const Wkv7Head& head, int64_t head_size, int64_t tokens, std::span<float> state, const TokenRowsOut& y) {
  wkv7_reference(head, head_size, tokens, state, y);
}
#else

constexpr int kRows = 4;  // of the state at once: as many sums as a block of 128 bits has lanes

/// Rows [row, row + kRows) of the state, each of kVectors vectors.
template <int kVectors>
void Wkv7Rows(const Wkv7Head& head, int64_t tokens, float* state, const TokenRowsOut& y, int64_t row) {
  const D d;
  const hn::CappedTag<float, kRows> d_rows;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  HWY_ALIGN float sums[HWY_MAX_BYTES / sizeof(float)];
  V s[kRows][kVectors];
  float* first = state + row * kVectors * lanes;
  for (int i = 0; i < kRows; ++i)
    for (int n = 0; n < kVectors; ++n) s[i][n] = hn::LoadU(d, first + (i * kVectors + n) * lanes);
  for (int64_t t = 0; t < tokens; ++t) {
    const float *r = head.r[t], *w = head.decay[t], *k = head.k[t], *a = head.a[t], *b = head.b[t],
                *v = head.v[t] + row;
    V dot[kRows];
    for (int i = 0; i < kRows; ++i) dot[i] = hn::Mul(s[i][0], hn::LoadU(d, a));
    for (int n = 1; n < kVectors; ++n) {
      const V an = hn::LoadU(d, a + n * lanes);
      for (int i = 0; i < kRows; ++i) dot[i] = hn::MulAdd(s[i][n], an, dot[i]);
    }
    const V removed = SumsOfFour(d, dot);
    const V removed_from[kRows] = {hn::Broadcast<0>(removed), hn::Broadcast<1>(removed), hn::Broadcast<2>(removed),
                                   hn::Broadcast<3>(removed)};
    const V value[kRows] = {hn::Set(d, v[0]), hn::Set(d, v[1]), hn::Set(d, v[2]), hn::Set(d, v[3])};
    for (int i = 0; i < kRows; ++i) dot[i] = hn::Zero(d);
    for (int n = 0; n < kVectors; ++n) {
      const V wn = hn::LoadU(d, w + n * lanes), bn = hn::LoadU(d, b + n * lanes), kn = hn::LoadU(d, k + n * lanes),
              rn = hn::LoadU(d, r + n * lanes);
      for (int i = 0; i < kRows; ++i) {
        s[i][n] = hn::MulAdd(s[i][n], wn, hn::MulAdd(removed_from[i], bn, hn::Mul(value[i], kn)));
        dot[i] = hn::MulAdd(s[i][n], rn, dot[i]);
      }
    }
    hn::Store(SumsOfFour(d, dot), d, sums);
    hn::StoreU(hn::Load(d_rows, sums), d_rows, y[t] + row);
  }
  for (int i = 0; i < kRows; ++i)
    for (int n = 0; n < kVectors; ++n) hn::StoreU(s[i][n], d, first + (i * kVectors + n) * lanes);
}

template <int kVectors>
void Wkv7Sized(const Wkv7Head& head, int64_t head_size, int64_t tokens, std::span<float> state, const TokenRowsOut& y) {
  for (int64_t row = 0; row < head_size; row += kRows) Wkv7Rows<kVectors>(head, tokens, state.data(), y, row);
}

void Wkv7(const Wkv7Head& head, int64_t head_size, int64_t tokens, std::span<float> state, const TokenRowsOut& y) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  if (head_size == lanes) return Wkv7Sized<1>(head, head_size, tokens, state, y);
  if (head_size == 2 * lanes) return Wkv7Sized<2>(head, head_size, tokens, state, y);
  if (head_size == 4 * lanes) return Wkv7Sized<4>(head, head_size, tokens, state, y);
  if (head_size == 8 * lanes) return Wkv7Sized<8>(head, head_size, tokens, state, y);
  if (head_size == 16 * lanes) return Wkv7Sized<16>(head, head_size, tokens, state, y);
  wkv7_reference(head, head_size, tokens, state, y);
}
#endif

}  // namespace orrery::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orrery::kernels {
HWY_EXPORT(Wkv4);
HWY_EXPORT(Wkv5);
HWY_EXPORT(Wkv7);

void wkv4(const TokenRows& k, const TokenRows& v, std::span<const float> decay, std::span<const float> bonus,
          int64_t tokens, const Wkv4State& state, const TokenRowsOut& y) {
  if (isa() == Isa::kReference) return wkv4_reference(k, v, decay, bonus, tokens, state, y);
  HWY_DYNAMIC_DISPATCH(Wkv4)(k, v, decay, bonus, tokens, state, y);
}

void wkv5(const Wkv5Head& head, int64_t tokens, std::span<float> state, const TokenRowsOut& y) {
  if (isa() == Isa::kReference) return wkv5_reference(head, tokens, state, y);
  HWY_DYNAMIC_DISPATCH(Wkv5)(head, tokens, state, y);
}

void wkv7(const Wkv7Head& head, int64_t head_size, int64_t tokens, std::span<float> state, const TokenRowsOut& y) {
  if (isa() == Isa::kReference) return wkv7_reference(head, head_size, tokens, state, y);
  HWY_DYNAMIC_DISPATCH(Wkv7)(head, head_size, tokens, state, y);
}

}  // namespace orrery::kernels
#endif
