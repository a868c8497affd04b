// RWKV's recurrences: a state of constant size in place of a cache of keys.
// RWKV-4 (Peng et al. 2023, "RWKV: Reinventing RNNs for the Transformer Era", sec. 3); RWKV-5 and 6 (Peng et al. 2024,
// "Eagle and Finch"); RWKV-7 (Peng et al. 2025, "Goose", sec. 4).
#pragma once

#include <cstdint>
#include <span>

namespace orrery::kernels {

/// Rows of one value per channel: token t's begin at data + t·stride. stride 0: every token has the same row.
struct TokenRows {
  const float* data = nullptr;
  int64_t stride = 0;

  const float* operator[](int64_t token) const { return data + token * stride; }
};
/// Where the results go.
struct TokenRowsOut {
  float* data = nullptr;
  int64_t stride = 0;

  float* operator[](int64_t token) const { return data + token * stride; }
};

/// RWKV-4's state, per channel: the weighted average is numerator / denominator, both divided by e^largest. A fresh one
/// is 0, 0, -1e30 (or lower).
struct Wkv4State {
  std::span<float> numerator, denominator, largest;
};

/// For each token in turn and each channel (of all that `state` has)
///   y = (num + e^(bonus + k) v) / (den + e^(bonus + k));  num = e^decay num + e^k v;  den = e^decay den + e^k
/// k, v, y: [tokens, channels]; decay (-e^time_decay, negative) and bonus (time_first): [channels]. Four exponentials
/// per token and channel.
void wkv4(const TokenRows& k, const TokenRows& v, std::span<const float> decay, std::span<const float> bonus,
          int64_t tokens, const Wkv4State& state, const TokenRowsOut& y);

/// One head of RWKV-5.2 or 6 at a time; all rows point at the head's first channel.
/// For each token in turn, with S [key, value] of head_size × head_size
///   y = Σ_i r_i (S_i + bonus_i k_i v);  S_i = decay_i S_i + k_i v
/// decay: multipliers in 0…1, stride 0 for RWKV-5.2; bonus (time_faaaa): [head_size]. The state is read and written
/// once per token, from L1.
struct Wkv5Head {
  TokenRows r, k, v, decay;
  std::span<const float> bonus;
};
void wkv5(const Wkv5Head& head, int64_t tokens, std::span<float> state, const TokenRowsOut& y);

/// One head of RWKV-7 at a time. For each token in turn, with S [value, key] of head_size × head_size
///   S_i = decay ∘ S_i + (S_i · a) b + v_i k;  y_i = S_i · r
/// decay: multipliers in 0…1; a = -κ̂ and b = κ̂ ∘ (in-context learning rate) in the paper's names. A few
/// rows of the state stay in registers for the whole run of tokens: per token 5·head_size² products, and the inputs
/// are read from L1 head_size / 4 times.
struct Wkv7Head {
  TokenRows r, decay, k, v, a, b;
};
void wkv7(const Wkv7Head& head, int64_t head_size, int64_t tokens, std::span<float> state, const TokenRowsOut& y);

/// In plain loops.
void wkv4_reference(const TokenRows& k, const TokenRows& v, std::span<const float> decay, std::span<const float> bonus,
                    int64_t tokens, const Wkv4State& state, const TokenRowsOut& y);
void wkv5_reference(const Wkv5Head& head, int64_t tokens, std::span<float> state, const TokenRowsOut& y);
void wkv7_reference(const Wkv7Head& head, int64_t head_size, int64_t tokens, std::span<float> state,
                    const TokenRowsOut& y);

}  // namespace orrery::kernels
