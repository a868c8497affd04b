#include "orrery/text/engine/rwkv/rwkv4.h"

#include <algorithm>
#include <cmath>

#include "orrery/kernels/activation/activation.h"
#include "orrery/kernels/wkv/wkv.h"

namespace orrery::text::rwkv {

using kernels::MatmulOutput;

constexpr int64_t kChannelsAtOnce = 64;
constexpr float kNothingYet = -1e30f;  // the largest exponent of no token

Rwkv4::Rwkv4(const DecoderSpec& spec, const LayerRuntime& runtime)
    : spec_(spec), runtime_(runtime), channels_(spec.heads * spec.head_dim), weights_(spec.layers) {
  const int64_t hidden = runtime.max_tokens * spec.hidden_size, mixed = runtime.max_tokens * channels_;
  memory_ = Buffer(static_cast<size_t>((3 * hidden + 4 * mixed) * int64_t{sizeof(float)}));
  float* at = memory_.as<float>();
  for (float** x : {&x_r_, &x_k_, &x_v_}) *x = at, at += hidden;
  for (float** x : {&r_, &k_, &v_, &y_}) *x = at, at += mixed;
}

void Rwkv4::load(WeightLoader& loader, int64_t layer, const std::string& prefix) {
  Weights& weights = weights_[layer];
  weights.share_r = load_share(loader, prefix + "mix_r", true);
  weights.share_k = load_share(loader, prefix + "mix_k", true);
  weights.share_v = load_share(loader, prefix + "mix_v", true);
  weights.decay = loader.floats(prefix + "decay");
  if (!spec_.rwkv.ready_decay)
    for (float& decay : weights.decay) decay = -std::exp(decay);
  weights.bonus = loader.floats(prefix + "bonus");
  loader.add(weights.receptance, prefix + "receptance");
  loader.add(weights.key, prefix + "key");
  loader.add(weights.value, prefix + "value");
  loader.add(weights.output, prefix + "output");
}

void Rwkv4::reset(std::span<float> state) const {
  std::fill_n(state.begin(), 2 * channels_, 0.0f);
  std::ranges::fill(state.last(static_cast<size_t>(channels_)), kNothingYet);
}

std::span<const Mix> Rwkv4::mixes(int64_t layer) {
  const Weights& weights = weights_[layer];
  mixes_ = {Mix{weights.share_r, x_r_}, {weights.share_k, x_k_}, {weights.share_v, x_v_}};
  return mixes_;
}

void Rwkv4::run(int64_t layer, const Batch& batch, int64_t offset, float* hidden, const ReadAhead& ahead) {
  const Weights& weights = weights_[layer];
  const int64_t rows = batch.size(), size = spec_.hidden_size;
  const Product inputs[] = {{{x_r_, size, rows, size}, &weights.receptance, r_, channels_},
                            {{x_k_, size, rows, size}, &weights.key, k_, channels_},
                            {{x_v_, size, rows, size}, &weights.value, v_, channels_}};
  runtime_.projector.run(inputs, Profile::kNorm, Profile::kQkv, weights.output.ahead());
  recur(weights, batch, offset);
  runtime_.projector.run({{y_, channels_, rows, channels_}, &weights.output, hidden, size, MatmulOutput::kAdd},
                         Profile::kPackAttention, Profile::kOutput, ahead);
}

// y = sigmoid(r) ⊙ wkv(k, v): channels do not see each other.
void Rwkv4::recur(const Weights& weights, const Batch& batch, int64_t offset) {
  Profile::Timer timer(runtime_.profile, Profile::kRecurrence);
  const int64_t blocks = (channels_ + kChannelsAtOnce - 1) / kChannelsAtOnce;
  runtime_.pool.run(static_cast<int64_t>(batch.segments.size()) * blocks, [&](int64_t task, int) {
    const int64_t segment = task / blocks, first = task % blocks * kChannelsAtOnce;
    const auto count = static_cast<size_t>(std::min(kChannelsAtOnce, channels_ - first));
    const auto tokens = static_cast<int64_t>(batch.segments[segment].tokens.size());
    const int64_t at = batch.first_rows[segment] * channels_ + first;
    auto* state = reinterpret_cast<float*>(batch.segments[segment].state + offset) + first;
    kernels::wkv4({k_ + at, channels_}, {v_ + at, channels_}, std::span(weights.decay).subspan(first, count),
                  std::span(weights.bonus).subspan(first, count), tokens,
                  {{state, count}, {state + channels_, count}, {state + 2 * channels_, count}}, {y_ + at, channels_});
    for (int64_t t = 0; t < tokens; ++t) {
      const std::span<float> r(r_ + at + t * channels_, count);
      kernels::activate(kernels::Activation::kSigmoid, r, r);
      float* y = y_ + at + t * channels_;
      for (size_t i = 0; i < count; ++i) y[i] *= r[i];
    }
  });
}

}  // namespace orrery::text::rwkv
