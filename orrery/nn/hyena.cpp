#include "orrery/nn/hyena.h"

#include <fmt/format.h>

namespace orrery::nn {

HyenaOperator::HyenaOperator(const text::HyenaSpec& spec, const Parameters& parameters, const std::string& prefix)
    : in_proj(parameters.linear(prefix + "in_proj")),
      out_proj(parameters.linear(prefix + "out_proj")),
      short_weight(parameters.at(prefix + "short_filter.weight")),
      short_bias(parameters.at(prefix + "short_filter.bias")),
      freq(parameters.at(prefix + "filter_fn.implicit_filter.1.freq")),
      z(parameters.at(prefix + "filter_fn.pos_emb.z")),
      long_bias(parameters.at(prefix + "filter_fn.bias")) {
  for (int64_t i = 0; i <= spec.inner_layers + 1; ++i)  // the sines stand between them
    filter_layers.push_back(parameters.linear(fmt::format("{}filter_fn.implicit_filter.{}", prefix, 2 * i)));
  if (!spec.modulate) return;
  t = parameters.at(prefix + "filter_fn.pos_emb.t").set_requires_grad(false);
  deltas = parameters.at(prefix + "filter_fn.modulation.deltas").set_requires_grad(false);
}

// Section 3.3: a network of sines over the positions, times an exponential window.
at::Tensor HyenaOperator::filter(const text::HyenaSpec& spec, int64_t length) const {
  at::Tensor h = z[0].narrow(0, 0, length);
  for (size_t i = 0; i + 1 < filter_layers.size(); ++i) h = at::sin(freq * filter_layers[i](h));
  const at::Tensor taps = filter_layers.back()(h);
  if (!spec.modulate) return taps;
  return taps * (at::exp(-t[0].narrow(0, 0, length) * deltas[0].abs()) + spec.shift);
}

// Definition 3.1.
at::Tensor HyenaOperator::operator()(const at::Tensor& u, const text::HyenaSpec& spec) const {
  const int64_t length = u.size(0), size = u.size(1), steps = spec.order - 1;
  const at::Tensor inputs = in_proj(u).t().unsqueeze(0);  // [1, inputs, length]
  const at::Tensor mixed = at::conv1d(at::constant_pad_nd(inputs, {spec.short_filter_order - 1, 0}), short_weight,
                                      short_bias, 1, at::IntArrayRef(0), 1, inputs.size(1))[0];
  const auto part = [&](int64_t i) { return mixed.narrow(0, i * size, size); };  // x_0 … x_(order-1), v
  // Of a step's channels, in either order in which the filters are kept: [d_model, …].
  const auto channels_of = [&](const at::Tensor& all, int64_t step) {
    return spec.steps_first ? all.narrow(0, step * size, size)
                            : all.unflatten(0, at::IntArrayRef({size, steps})).select(1, step);
  };
  const at::Tensor taps = filter(spec, length).t();
  at::Tensor v = part(spec.order);
  for (int64_t step = 0; step < steps; ++step) {
    v = v * part(spec.order - 1 - step);
    const at::Tensor spectrum = at::fft_rfft(v, 2 * length) * at::fft_rfft(channels_of(taps, step), 2 * length);
    v = at::fft_irfft(spectrum, 2 * length).narrow(-1, 0, length) + v * channels_of(long_bias, step).unsqueeze(-1);
  }
  return out_proj((v * part(0)).t());
}

Hyena::Hyena(const text::DecoderSpec& spec, const Parameters& parameters) : spec_(spec) {
  for (int64_t i = 0; i < spec.layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}.", i);
    layers_.push_back({parameters.norm(prefix + "input_layernorm", spec.norm, spec.norm_eps),
                       parameters.norm(prefix + "post_attention_layernorm", spec.norm, spec.norm_eps),
                       HyenaOperator(spec.hyena, parameters, prefix + "mixer."),
                       {{}, parameters.linear(prefix + "mlp.up_proj"), parameters.linear(prefix + "mlp.down_proj")}});
  }
}

at::Tensor Hyena::run(int64_t index, const at::Tensor& x, const PackedRows& rows) {
  const Layer& layer = layers_[index];
  const at::Tensor normal = layer.mixer_norm(x);
  std::vector<at::Tensor> mixed;
  for (int64_t row = 0; row < rows.rows(); ++row)
    mixed.push_back(
        layer.mixer(normal.narrow(0, rows.offsets[row], rows.offsets[row + 1] - rows.offsets[row]), spec_.hyena));
  const at::Tensor y = x + at::cat(mixed);
  return y + layer.mlp(layer.mlp_norm(y), spec_.activation);
}

}  // namespace orrery::nn
