#include <algorithm>
#include <cmath>

#include "orrery/kernels/wkv/wkv.h"

namespace orrery::kernels {

void wkv4_reference(const TokenRows& k, const TokenRows& v, std::span<const float> decay, std::span<const float> bonus,
                    int64_t tokens, const Wkv4State& state, const TokenRowsOut& y) {
  for (int64_t t = 0; t < tokens; ++t) {
    for (size_t c = 0; c < decay.size(); ++c) {
      float &num = state.numerator[c], &den = state.denominator[c], &largest = state.largest[c];
      const float key = k[t][c], value = v[t][c];
      float top = std::max(largest, bonus[c] + key);
      float old = std::exp(largest - top), now = std::exp(bonus[c] + key - top);
      y[t][c] = (old * num + now * value) / (old * den + now);
      top = std::max(largest + decay[c], key);
      old = std::exp(largest + decay[c] - top), now = std::exp(key - top);
      num = old * num + now * value;
      den = old * den + now;
      largest = top;
    }
  }
}

void wkv5_reference(const Wkv5Head& head, int64_t tokens, std::span<float> state, const TokenRowsOut& y) {
  const auto size = static_cast<int64_t>(head.bonus.size());
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t j = 0; j < size; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < size; ++i) {
        float& s = state[i * size + j];
        const float kv = head.k[t][i] * head.v[t][j];
        sum += head.r[t][i] * (s + head.bonus[i] * kv);
        s = head.decay[t][i] * s + kv;
      }
      y[t][j] = static_cast<float>(sum);
    }
  }
}

void wkv7_reference(const Wkv7Head& head, int64_t head_size, int64_t tokens, std::span<float> state,
                    const TokenRowsOut& y) {
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < head_size; ++i) {
      float* row = state.data() + i * head_size;
      double removed = 0, sum = 0;
      for (int64_t j = 0; j < head_size; ++j) removed += row[j] * head.a[t][j];
      for (int64_t j = 0; j < head_size; ++j) {
        row[j] = head.decay[t][j] * row[j] + static_cast<float>(removed) * head.b[t][j] + head.v[t][i] * head.k[t][j];
        sum += row[j] * head.r[t][j];
      }
      y[t][i] = static_cast<float>(sum);
    }
  }
}

}  // namespace orrery::kernels
