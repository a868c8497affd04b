#include "orrery/nn/wkv.h"

namespace orrery::nn {

namespace {

/// step(t) for each token of each row, its results stacked; reset() before each row.
template <class Reset, class Step>
at::Tensor for_tokens(const std::vector<int64_t>& offsets, const Reset& reset, const Step& step) {
  std::vector<at::Tensor> results;
  for (size_t row = 0; row + 1 < offsets.size(); ++row) {
    reset();
    for (int64_t t = offsets[row]; t < offsets[row + 1]; ++t) results.push_back(step(t));
  }
  return at::stack(results);
}

}  // namespace

at::Tensor wkv4(const at::Tensor& k, const at::Tensor& v, const at::Tensor& decay, const at::Tensor& bonus,
                const std::vector<int64_t>& offsets) {
  at::Tensor numerator, denominator, largest;  // both divided by e^largest
  return for_tokens(
      offsets,
      [&] {
        numerator = denominator = at::zeros_like(decay);
        largest = at::full_like(decay, -1e30);
      },
      [&](int64_t t) {
        const at::Tensor key = k[t], value = v[t];
        at::Tensor top = at::maximum(largest, bonus + key);
        at::Tensor old = at::exp(largest - top), now = at::exp(bonus + key - top);
        const at::Tensor y = (old * numerator + now * value) / (old * denominator + now);
        top = at::maximum(largest + decay, key);
        old = at::exp(largest + decay - top), now = at::exp(key - top);
        numerator = old * numerator + now * value;
        denominator = old * denominator + now;
        largest = top;
        return y;
      });
}

at::Tensor wkv5(const at::Tensor& r, const at::Tensor& k, const at::Tensor& v, const at::Tensor& decay,
                const at::Tensor& bonus, const std::vector<int64_t>& offsets) {
  at::Tensor state;  // [heads, key, value]
  return for_tokens(
      offsets,
      [&] {
        state = at::zeros({k.size(1), k.size(2), v.size(2)}, k.options());
      },
      [&](int64_t t) {
        const at::Tensor kv = k[t].unsqueeze(-1) * v[t].unsqueeze(-2);
        const at::Tensor y = at::matmul(r[t].unsqueeze(-2), state + bonus.unsqueeze(-1) * kv).squeeze(-2);
        state = decay.unsqueeze(-1) * state + kv;
        return y;
      });
}

at::Tensor wkv7(const at::Tensor& r, const at::Tensor& decay, const at::Tensor& k, const at::Tensor& v,
                const at::Tensor& a, const at::Tensor& b, const std::vector<int64_t>& offsets) {
  at::Tensor state;  // [heads, value, key]
  return for_tokens(
      offsets,
      [&] {
        state = at::zeros({k.size(1), v.size(2), k.size(2)}, k.options());
      },
      [&](int64_t t) {
        const at::Tensor removed = at::matmul(state, a[t].unsqueeze(-1));
        state = state * decay[t].unsqueeze(-2) + removed * b[t].unsqueeze(-2) + v[t].unsqueeze(-1) * k[t].unsqueeze(-2);
        return at::matmul(state, r[t].unsqueeze(-1)).squeeze(-1);
      });
}

}  // namespace orrery::nn
