#include "orrery/text/engine/rwkv/rwkv7.h"

#include <algorithm>
#include <cmath>

#include "orrery/kernels/activation/activation.h"
#include "orrery/kernels/layer_norm/layer_norm.h"
#include "orrery/kernels/wkv/wkv.h"

namespace orrery::text::rwkv {

using kernels::MatmulOutput;

constexpr std::array<const char*, 6> kMixes = {"mix_r", "mix_w", "mix_k", "mix_v", "mix_a", "mix_g"};
constexpr float kDecayScale = -0.606530660f;  // -e^-0.5: no channel forgets more than e^-e^-0.5 of itself per token
constexpr float kSmallestNorm = 1e-12f;
constexpr int64_t kTokensAtOnce = 16;  // of a head: what they read and write stays in a core's L1

Rwkv7::Rwkv7(const DecoderSpec& spec, const LayerRuntime& runtime)
    : spec_(spec), runtime_(runtime), size_(spec.hidden_size), weights_(spec.layers) {
  const RwkvSpec& ranks = spec.rwkv;
  const int64_t rows = runtime.max_tokens,
                narrow = ranks.decay_rank + ranks.rate_rank + ranks.value_rank + ranks.gate_rank;
  memory_ = Buffer(static_cast<size_t>(rows * (16 * size_ + narrow) * int64_t{sizeof(float)}));
  float* at = memory_.as<float>();
  for (float*& x : x_) x = at, at += rows * size_;
  for (float** x : {&r_, &w_, &k_, &v_, &a_, &g_, &residual_, &first_v_, &b_, &y_}) *x = at, at += rows * size_;
  decay_rank_ = at;
  rate_rank_ = decay_rank_ + rows * ranks.decay_rank;
  value_rank_ = rate_rank_ + rows * ranks.rate_rank;
  gate_rank_ = value_rank_ + rows * ranks.value_rank;
}

void Rwkv7::load(WeightLoader& loader, int64_t layer, const std::string& prefix) {
  Weights& weights = weights_[layer];
  for (size_t i = 0; i < kMixes.size(); ++i) weights.shares[i] = load_share(loader, prefix + kMixes[i], false);
  weights.k_k = loader.floats(prefix + "k_k");
  weights.k_a = loader.floats(prefix + "k_a");
  weights.r_k = loader.floats(prefix + "r_k");
  weights.norm_weight = loader.floats(prefix + "head_norm.weight");
  weights.norm_bias = loader.floats(prefix + "head_norm.bias");
  loader.add(weights.receptance, prefix + "receptance");
  loader.add(weights.key, prefix + "key");
  loader.add(weights.value, prefix + "value");
  const auto add = [&](LowRank& map, const std::string& name) {
    loader.add(map.down, prefix + name + "_down");
    loader.add(map.up, prefix + name + "_up");
  };
  add(weights.decay, "decay");
  add(weights.rate, "rate");
  if (layer > 0) add(weights.residual, "residual");
  add(weights.gate, "gate");
  loader.add(weights.output, prefix + "output");
}

std::span<const Mix> Rwkv7::mixes(int64_t layer) {
  for (size_t i = 0; i < x_.size(); ++i) mixes_[i] = {weights_[layer].shares[i], x_[i]};
  return mixes_;
}

void Rwkv7::run(int64_t layer, const Batch& batch, int64_t offset, float* hidden, const ReadAhead& ahead) {
  const Weights& weights = weights_[layer];
  const RwkvSpec& ranks = spec_.rwkv;
  const int64_t rows = batch.size();
  const auto x = [&](size_t mix) { return ProjectionInput{x_[mix], size_, rows, size_}; };
  const auto narrow = [&](const float* data, int64_t rank) { return ProjectionInput{data, rank, rows, rank}; };
  float* value = layer == 0 ? first_v_ : v_;
  // The residual of values comes last: the first layer has none.
  const Product down[] = {{x(0), &weights.receptance, r_, size_},
                          {x(2), &weights.key, k_, size_},
                          {x(3), &weights.value, value, size_},
                          {x(1), &weights.decay.down, decay_rank_, ranks.decay_rank},
                          {x(4), &weights.rate.down, rate_rank_, ranks.rate_rank},
                          {x(5), &weights.gate.down, gate_rank_, ranks.gate_rank},
                          {x(3), &weights.residual.down, value_rank_, ranks.value_rank}};
  const Product up[] = {{narrow(decay_rank_, ranks.decay_rank), &weights.decay.up, w_, size_},
                        {narrow(rate_rank_, ranks.rate_rank), &weights.rate.up, a_, size_},
                        {narrow(gate_rank_, ranks.gate_rank), &weights.gate.up, g_, size_},
                        {narrow(value_rank_, ranks.value_rank), &weights.residual.up, residual_, size_}};
  const size_t without = layer == 0 ? 1 : 0;

  runtime_.projector.run(std::span(down).first(std::size(down) - without), Profile::kNorm, Profile::kQkv);
  activate_ranks(rows);
  runtime_.projector.run(std::span(up).first(std::size(up) - without), Profile::kNorm, Profile::kQkv,
                         weights.output.ahead());
  recur(layer, batch, offset);
  runtime_.projector.run({{y_, size_, rows, size_}, &weights.output, hidden, size_, MatmulOutput::kAdd},
                         Profile::kPackAttention, Profile::kOutput, ahead);
}

// tanh of the decays' ranks, sigmoid of the gates'.
void Rwkv7::activate_ranks(int64_t rows) {
  Profile::Timer timer(runtime_.profile, Profile::kRecurrence);
  const RwkvSpec& ranks = spec_.rwkv;
  const int64_t at_once = rows <= 2 ? rows : 16;
  runtime_.pool.run((rows + at_once - 1) / at_once, [&](int64_t chunk, int) {
    const int64_t first = chunk * at_once, count = std::min(rows - first, at_once);
    const std::span<float> decay(decay_rank_ + first * ranks.decay_rank, static_cast<size_t>(count * ranks.decay_rank));
    const std::span<float> gate(gate_rank_ + first * ranks.gate_rank, static_cast<size_t>(count * ranks.gate_rank));
    kernels::activate(kernels::Activation::kTanh, decay, decay);
    kernels::activate(kernels::Activation::kSigmoid, gate, gate);
  });
}

void Rwkv7::recur(int64_t layer, const Batch& batch, int64_t offset) {
  Profile::Timer timer(runtime_.profile, Profile::kRecurrence);
  const Weights& weights = weights_[layer];
  const int64_t head_size = spec_.head_dim;
  runtime_.pool.run(static_cast<int64_t>(batch.segments.size()) * spec_.heads, [&](int64_t task, int) {
    const int64_t segment = task / spec_.heads, head = task % spec_.heads, first = head * head_size;
    auto* state = reinterpret_cast<float*>(batch.segments[segment].state + offset) + head * head_size * head_size;
    const int64_t begin = batch.first_rows[segment];
    const int64_t end = begin + static_cast<int64_t>(batch.segments[segment].tokens.size());
    for (int64_t row = begin; row < end; row += kTokensAtOnce) {
      const int64_t tokens = std::min(end - row, kTokensAtOnce), at = row * size_ + first;
      for (int64_t t = 0; t < tokens; ++t) before(weights, layer, row + t, first);
      const float* value = layer == 0 ? first_v_ : v_;
      kernels::wkv7({.r = {r_ + at, size_},
                     .decay = {w_ + at, size_},
                     .k = {k_ + at, size_},
                     .v = {value + at, size_},
                     .a = {a_ + at, size_},
                     .b = {b_ + at, size_}},
                    head_size, tokens, {state, static_cast<size_t>(head_size * head_size)}, {y_ + at, size_});
      for (int64_t t = 0; t < tokens; ++t) after(weights, layer, row + t, first);
    }
  });
}

// What the recurrence reads of one head and token (the paper's eq. 4 to 12), in place of what the maps gave.
void Rwkv7::before(const Weights& weights, int64_t layer, int64_t row, int64_t first) const {
  const int64_t at = row * size_ + first, size = spec_.head_dim;
  const std::span<float> w(w_ + at, static_cast<size_t>(size)), a(a_ + at, w.size()), k(k_ + at, w.size());
  kernels::activate(kernels::Activation::kSigmoid, w, w);
  for (float& decay : w) decay = std::exp(kDecayScale * decay);
  kernels::activate(kernels::Activation::kSigmoid, a, a);
  if (layer > 0) {
    const std::span<float> share(residual_ + at, w.size());
    kernels::activate(kernels::Activation::kSigmoid, share, share);
    for (int64_t i = 0; i < size; ++i) v_[at + i] += (first_v_[at + i] - v_[at + i]) * share[i];
  }
  float square = 0;
  for (int64_t i = 0; i < size; ++i) {
    const float removal = k[i] * weights.k_k[first + i];
    square += removal * removal;
  }
  const float scale = 1 / std::max(std::sqrt(square), kSmallestNorm);
  for (int64_t i = 0; i < size; ++i) {
    const float removal = k[i] * weights.k_k[first + i] * scale, rate = a[i];
    k[i] *= 1 + (rate - 1) * weights.k_a[first + i];
    b_[at + i] = removal * rate;
    a[i] = -removal;
  }
}

// The output of one head and token: normalised, with the token's own value, gated (eq. 20 to 22).
void Rwkv7::after(const Weights& weights, int64_t layer, int64_t row, int64_t first) const {
  const int64_t at = row * size_ + first;
  const auto size = static_cast<size_t>(spec_.head_dim);
  const std::span<float> y(y_ + at, size);
  const auto part = [&](const std::vector<float>& values) { return std::span(values).subspan(first, size); };
  kernels::layer_norm(y, part(weights.norm_weight), part(weights.norm_bias),
                      static_cast<float>(spec_.rwkv.head_norm_eps), y);
  const float *r = r_ + at, *k = k_ + at, *v = (layer == 0 ? first_v_ : v_) + at, *g = g_ + at;
  float own = 0;
  for (size_t i = 0; i < size; ++i) own += r[i] * k[i] * weights.r_k[first + i];
  for (size_t i = 0; i < size; ++i) y[i] = (y[i] + own * v[i]) * g[i];
}

}  // namespace orrery::text::rwkv
