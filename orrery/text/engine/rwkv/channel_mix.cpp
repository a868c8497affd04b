#include "orrery/text/engine/rwkv/channel_mix.h"

#include <algorithm>

#include "orrery/kernels/activation/activation.h"
#include "orrery/text/engine/rwkv/time_mix.h"
#include "orrery/text/engine/transformer/feed_forward.h"

namespace orrery::text::rwkv {

using kernels::MatmulOutput;

ChannelMix::ChannelMix(const DecoderSpec& spec, const LayerRuntime& runtime)
    : spec_(spec), runtime_(runtime), gated_(spec.mixer != MixerKind::kRwkv7), weights_(spec.layers) {
  const int64_t rows = runtime.max_tokens, hidden = rows * spec.hidden_size;
  memory_ = Buffer(static_cast<size_t>((4 * hidden + rows * spec.intermediate_size) * int64_t{sizeof(float)}));
  x_k_ = memory_.as<float>();
  x_r_ = x_k_ + hidden;
  receptance_ = x_r_ + hidden;
  value_ = receptance_ + hidden;
  key_ = value_ + hidden;
}

void ChannelMix::load(WeightLoader& loader, int64_t layer, const std::string& prefix) {
  Weights& weights = weights_[layer];
  weights.share_k = load_share(loader, prefix + "mix_k", gated_);
  loader.add(weights.key, prefix + "key");
  if (gated_) {
    weights.share_r = load_share(loader, prefix + "mix_r", true);
    loader.add(weights.receptance, prefix + "receptance");
  }
  loader.add(weights.value, prefix + "value");
}

std::span<const Mix> ChannelMix::mixes(int64_t layer) {
  mixes_ = {Mix{weights_[layer].share_k, x_k_}, Mix{weights_[layer].share_r, x_r_}};
  return std::span(mixes_).first(gated_ ? 2 : 1);
}

void ChannelMix::run(int64_t layer, int64_t rows, float* hidden, const ReadAhead& ahead) {
  const Weights& weights = weights_[layer];
  const int64_t size = spec_.hidden_size, inner = spec_.intermediate_size;
  const Product inputs[] = {{{x_k_, size, rows, size}, &weights.key, key_, inner},
                            {{x_r_, size, rows, size}, &weights.receptance, receptance_, size}};
  runtime_.projector.run(std::span(inputs).first(gated_ ? 2 : 1), Profile::kPackMlp, Profile::kGateUp,
                         weights.value.ahead());
  activate(Activation::kReluSquared, false, weights.key, key_, inner, rows, inner, runtime_.pool);
  Product output{{.x = key_, .stride = inner, .count = rows, .cols = inner, .squared = true},
                 &weights.value,
                 hidden,
                 size,
                 MatmulOutput::kAdd};
  if (gated_) output.out = value_, output.mode = MatmulOutput::kStore;
  runtime_.projector.run(output, Profile::kPackMlp, Profile::kDown, ahead);
  if (gated_) gate(rows, hidden);
}

// hidden += sigmoid(receptance) ⊙ value
void ChannelMix::gate(int64_t rows, float* hidden) {
  const int64_t size = spec_.hidden_size, at_once = rows <= 2 ? rows : 4;
  runtime_.pool.run((rows + at_once - 1) / at_once, [&](int64_t chunk, int) {
    const int64_t first = chunk * at_once * size, end = std::min(rows, (chunk + 1) * at_once) * size;
    const std::span<float> receptance(receptance_ + first, static_cast<size_t>(end - first));
    kernels::activate(kernels::Activation::kSigmoid, receptance, receptance);
    for (int64_t i = first; i < end; ++i) hidden[i] += receptance_[i] * value_[i];
  });
}

}  // namespace orrery::text::rwkv
