#include "orrery/text/engine/rwkv/rwkv5.h"

#include <algorithm>
#include <cmath>

#include "orrery/kernels/activation/activation.h"
#include "orrery/kernels/layer_norm/layer_norm.h"
#include "orrery/kernels/wkv/wkv.h"

namespace orrery::text::rwkv {

using kernels::MatmulOutput;

Rwkv5::Rwkv5(const DecoderSpec& spec, const LayerRuntime& runtime)
    : spec_(spec), runtime_(runtime), channels_(spec.heads * spec.head_dim), weights_(spec.layers) {
  const int64_t hidden = runtime.max_tokens * spec.hidden_size, mixed = runtime.max_tokens * channels_;
  memory_ = Buffer(static_cast<size_t>((4 * hidden + 5 * mixed) * int64_t{sizeof(float)}));
  float* at = memory_.as<float>();
  for (float** x : {&x_r_, &x_k_, &x_v_, &x_g_}) *x = at, at += hidden;
  for (float** x : {&r_, &k_, &v_, &g_, &y_}) *x = at, at += mixed;
}

void Rwkv5::load(WeightLoader& loader, int64_t layer, const std::string& prefix) {
  Weights& weights = weights_[layer];
  weights.share_r = load_share(loader, prefix + "mix_r", true);
  weights.share_k = load_share(loader, prefix + "mix_k", true);
  weights.share_v = load_share(loader, prefix + "mix_v", true);
  weights.share_g = load_share(loader, prefix + "mix_g", true);
  weights.decay = loader.floats(prefix + "decay");
  if (!spec_.rwkv.ready_decay)
    for (float& decay : weights.decay) decay = std::exp(-std::exp(decay));
  weights.bonus = loader.floats(prefix + "bonus");
  weights.norm_weight = loader.floats(prefix + "head_norm.weight");
  weights.norm_bias = loader.floats(prefix + "head_norm.bias");
  loader.add(weights.receptance, prefix + "receptance");
  loader.add(weights.key, prefix + "key");
  loader.add(weights.value, prefix + "value");
  loader.add(weights.gate, prefix + "gate");
  loader.add(weights.output, prefix + "output");
}

std::span<const Mix> Rwkv5::mixes(int64_t layer) {
  const Weights& weights = weights_[layer];
  mixes_ = {Mix{weights.share_r, x_r_}, {weights.share_k, x_k_}, {weights.share_v, x_v_}, {weights.share_g, x_g_}};
  return mixes_;
}

void Rwkv5::run(int64_t layer, const Batch& batch, int64_t offset, float* hidden, const ReadAhead& ahead) {
  const Weights& weights = weights_[layer];
  const int64_t rows = batch.size(), size = spec_.hidden_size;
  const Product inputs[] = {{{x_r_, size, rows, size}, &weights.receptance, r_, channels_},
                            {{x_k_, size, rows, size}, &weights.key, k_, channels_},
                            {{x_v_, size, rows, size}, &weights.value, v_, channels_},
                            {{x_g_, size, rows, size}, &weights.gate, g_, channels_}};
  runtime_.projector.run(inputs, Profile::kNorm, Profile::kQkv, weights.output.ahead());
  recur(weights, batch, offset);
  runtime_.projector.run({{y_, channels_, rows, channels_}, &weights.output, hidden, size, MatmulOutput::kAdd},
                         Profile::kPackAttention, Profile::kOutput, ahead);
}

// y = silu(g) ⊙ norm(wkv(r, k, v)), head by head.
void Rwkv5::recur(const Weights& weights, const Batch& batch, int64_t offset) {
  Profile::Timer timer(runtime_.profile, Profile::kRecurrence);
  const auto size = static_cast<size_t>(spec_.head_dim);
  const auto eps = static_cast<float>(spec_.rwkv.head_norm_eps);
  runtime_.pool.run(static_cast<int64_t>(batch.segments.size()) * spec_.heads, [&](int64_t task, int) {
    const int64_t segment = task / spec_.heads, head = task % spec_.heads, first = head * spec_.head_dim;
    const auto tokens = static_cast<int64_t>(batch.segments[segment].tokens.size());
    const int64_t at = batch.first_rows[segment] * channels_ + first;
    auto* state =
        reinterpret_cast<float*>(batch.segments[segment].state + offset) + head * spec_.head_dim * spec_.head_dim;
    const auto part = [&](const std::vector<float>& values) { return std::span(values).subspan(first, size); };
    kernels::wkv5({.r = {r_ + at, channels_},
                   .k = {k_ + at, channels_},
                   .v = {v_ + at, channels_},
                   .decay = {weights.decay.data() + first, 0},
                   .bonus = part(weights.bonus)},
                  tokens, {state, size * size}, {y_ + at, channels_});
    for (int64_t t = 0; t < tokens; ++t) {
      const std::span<float> y(y_ + at + t * channels_, size), g(g_ + at + t * channels_, size);
      kernels::layer_norm(y, part(weights.norm_weight), part(weights.norm_bias), eps, y);
      kernels::activate_gated(kernels::Activation::kSilu, g, y, y);
    }
  });
}

}  // namespace orrery::text::rwkv
