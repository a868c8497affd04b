#include "orrery/nn/rwkv.h"

#include <fmt/format.h>

#include "orrery/nn/wkv.h"

namespace orrery::nn {

Rwkv::Rwkv(const text::DecoderSpec& spec, const Parameters& parameters)
    : spec_(spec), embed_norm_(parameters.norm("model.embed_norm", spec.norm, spec.norm_eps)) {
  for (int64_t i = 0; i < spec.layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}.", i), time = prefix + "time_mix.",
                      channel = prefix + "channel_mix.";
    Layer& layer = layers_.emplace_back();
    layer.time_norm = parameters.norm(prefix + "time_mix_norm", spec.norm, spec.norm_eps);
    layer.channel_norm = parameters.norm(prefix + "channel_mix_norm", spec.norm, spec.norm_eps);
    const auto read = [&](at::Tensor& tensor, const std::string& name) {
      if (parameters.has(name)) tensor = parameters.at(name);
    };
    const auto read_linear = [&](Linear& linear, const std::string& name) {
      if (parameters.has(name + ".weight")) linear = parameters.linear(name);
    };
    TimeMix& t = layer.time;
    read(t.mix_r, time + "mix_r"), read(t.mix_k, time + "mix_k"), read(t.mix_v, time + "mix_v");
    read(t.mix_g, time + "mix_g"), read(t.mix_w, time + "mix_w"), read(t.mix_a, time + "mix_a");
    read(t.decay, time + "decay"), read(t.bonus, time + "bonus");
    read(t.k_k, time + "k_k"), read(t.k_a, time + "k_a"), read(t.r_k, time + "r_k");
    read(t.head_norm_weight, time + "head_norm.weight"), read(t.head_norm_bias, time + "head_norm.bias");
    read_linear(t.receptance, time + "receptance"), read_linear(t.key, time + "key");
    read_linear(t.value, time + "value"), read_linear(t.gate, time + "gate"), read_linear(t.output, time + "output");
    read_linear(t.decay_down, time + "decay_down"), read_linear(t.decay_up, time + "decay_up");
    read_linear(t.rate_down, time + "rate_down"), read_linear(t.rate_up, time + "rate_up");
    read_linear(t.residual_down, time + "residual_down"), read_linear(t.residual_up, time + "residual_up");
    read_linear(t.gate_down, time + "gate_down"), read_linear(t.gate_up, time + "gate_up");
    read(layer.channel.mix_k, channel + "mix_k"), read(layer.channel.mix_r, channel + "mix_r");
    read_linear(layer.channel.key, channel + "key"), read_linear(layer.channel.value, channel + "value");
    read_linear(layer.channel.receptance, channel + "receptance");
  }
}

// In versions 4 and 5.2 the share is the token's own, in 7 its predecessor's.
at::Tensor Rwkv::mixed(const at::Tensor& x, const at::Tensor& before, const at::Tensor& share) const {
  return spec_.mixer == text::MixerKind::kRwkv7 ? x + (before - x) * share : before + (x - before) * share;
}

// Layer normalisation of each head, with weights of its own; y [n, heads, head_dim] -> [n, channels].
at::Tensor Rwkv::head_norm(const TimeMix& time, const at::Tensor& y) const {
  const at::Tensor normal = at::layer_norm(y, {spec_.head_dim}, {}, {}, spec_.rwkv.head_norm_eps);
  return normal.flatten(1) * time.head_norm_weight + time.head_norm_bias;
}

at::Tensor Rwkv::time_mix4(const TimeMix& time, const at::Tensor& x, const PackedRows& rows) const {
  const at::Tensor before = shifted(x, rows);
  const at::Tensor r = at::sigmoid(time.receptance(mixed(x, before, time.mix_r)));
  const at::Tensor k = time.key(mixed(x, before, time.mix_k)), v = time.value(mixed(x, before, time.mix_v));
  const at::Tensor decay = spec_.rwkv.ready_decay ? time.decay : -at::exp(time.decay);
  return time.output(r * wkv4(k, v, decay, time.bonus, rows.offsets));
}

at::Tensor Rwkv::time_mix5(const TimeMix& time, const at::Tensor& x, const PackedRows& rows) const {
  const auto heads = [&](const at::Tensor& y) {
    return y.unflatten(-1, at::IntArrayRef({spec_.heads, spec_.head_dim}));
  };
  const at::Tensor before = shifted(x, rows);
  const at::Tensor r = time.receptance(mixed(x, before, time.mix_r)), k = time.key(mixed(x, before, time.mix_k)),
                   v = time.value(mixed(x, before, time.mix_v)), g = at::silu(time.gate(mixed(x, before, time.mix_g)));
  const at::Tensor decay = spec_.rwkv.ready_decay ? time.decay : at::exp(-at::exp(time.decay));
  const at::Tensor y = wkv5(heads(r), heads(k), heads(v), heads(decay), heads(time.bonus), rows.offsets);
  return time.output(g * head_norm(time, y));
}

// The paper's equations 4 to 22.
at::Tensor Rwkv::time_mix7(const TimeMix& time, const at::Tensor& x, const PackedRows& rows, bool first) {
  const auto heads = [&](const at::Tensor& y) {
    return y.unflatten(-1, at::IntArrayRef({spec_.heads, spec_.head_dim}));
  };
  const at::Tensor before = shifted(x, rows), x_v = mixed(x, before, time.mix_v);
  const at::Tensor r = time.receptance(mixed(x, before, time.mix_r));
  at::Tensor k = time.key(mixed(x, before, time.mix_k)), v = time.value(x_v);
  const at::Tensor decay = at::exp(-0.606530659712633 *  // e^-0.5: the slowest that a channel may forget
                                   at::sigmoid(time.decay_up(at::tanh(time.decay_down(mixed(x, before, time.mix_w))))));
  const at::Tensor rate = at::sigmoid(time.rate_up(time.rate_down(mixed(x, before, time.mix_a))));
  const at::Tensor gate = time.gate_up(at::sigmoid(time.gate_down(mixed(x, before, time.mix_g))));
  if (first)
    first_value_ = v;
  else
    v = v + (first_value_ - v) * at::sigmoid(time.residual_up(time.residual_down(x_v)));
  const at::Tensor removed = heads(k * time.k_k);
  const at::Tensor removal = removed / removed.norm(2, -1, true).clamp_min(1e-12);
  k = k * (1 + (rate - 1) * time.k_a);
  const at::Tensor y = wkv7(heads(r), heads(decay), heads(k), heads(v), -removal, removal * heads(rate), rows.offsets);
  const at::Tensor own = heads(r * k * time.r_k).sum(-1, true) * heads(v);  // what the token itself brings
  return time.output((head_norm(time, y) + own.flatten(1)) * gate);
}

at::Tensor Rwkv::channel_mix(const ChannelMix& channel, const at::Tensor& x, const PackedRows& rows) const {
  const at::Tensor before = shifted(x, rows);
  const at::Tensor y = channel.value(at::relu(channel.key(mixed(x, before, channel.mix_k))).square());
  if (!channel.receptance.defined()) return y;
  return at::sigmoid(channel.receptance(mixed(x, before, channel.mix_r))) * y;
}

at::Tensor Rwkv::run(int64_t index, const at::Tensor& input, const PackedRows& rows) {
  const Layer& layer = layers_[index];
  const at::Tensor x = index == 0 ? embed_norm_(input) : input, normal = layer.time_norm(x);
  const at::Tensor y = x + (spec_.mixer == text::MixerKind::kRwkv4   ? time_mix4(layer.time, normal, rows)
                            : spec_.mixer == text::MixerKind::kRwkv5 ? time_mix5(layer.time, normal, rows)
                                                                     : time_mix7(layer.time, normal, rows, index == 0));
  return y + channel_mix(layer.channel, layer.channel_norm(y), rows);
}

}  // namespace orrery::nn
