#include "orrery/text/engine/hyena/operator.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/kernels/implicit_filter/implicit_filter.h"
#include "orrery/kernels/short_conv/short_conv.h"

namespace orrery::text {
namespace {

using kernels::kConvLanes;

constexpr int64_t kTile = 128;  // tokens whose v and gate of one group lie in L1

void multiply(float* v, const float* by, int64_t count) {
  for (int64_t i = 0; i < count; ++i) v[i] *= by[i];
}

}  // namespace

HyenaOperator::HyenaOperator(const HyenaSpec& spec, int64_t d_model, int64_t length, const Tensors& tensors,
                             ThreadPool& pool)
    : d_model_(d_model),
      inputs_((spec.order + 1) * d_model),
      width_(spec.short_filter_order),
      short_weight_(width_ * inputs_),
      short_bias_(tensors("short_filter.bias")) {
  const std::vector<float> weight = tensors("short_filter.weight");  // [inputs, 1, width]
  for (int64_t c = 0; c < inputs_; ++c)
    for (int64_t j = 0; j < width_; ++j) short_weight_[j * inputs_ + c] = weight[c * width_ + j];
  set_long_filters(spec, length, tensors, pool);
}

void HyenaOperator::set_long_filters(const HyenaSpec& spec, int64_t length, const Tensors& tensors, ThreadPool& pool) {
  const int64_t count = spec.order - 1;
  std::vector<std::vector<float>> kept;
  const auto keep = [&](const std::string& name) {
    return kept.emplace_back(tensors("filter_fn." + name)).data();  // the memory of a moved vector stays
  };
  kernels::ImplicitFilter network{.width = spec.filter_order, .channels = count * d_model_};
  network.z = keep("pos_emb.z");
  for (int64_t i = 0; i <= spec.inner_layers; ++i) {
    const std::string prefix = fmt::format("implicit_filter.{}.", 2 * i);  // the sines stand between them
    network.layers.push_back(
        {keep(prefix + "weight"), keep(prefix + "bias"), i == 0 ? spec.emb_dim : spec.filter_order});
  }
  network.freq = keep("implicit_filter.1.freq");
  network.out = keep(fmt::format("implicit_filter.{}.weight", 2 * (spec.inner_layers + 1)));
  network.modulate = spec.modulate;
  if (spec.modulate) {
    network.t = keep("pos_emb.t");
    network.deltas = keep("modulation.deltas");
    network.shift = static_cast<float>(spec.shift);
  }
  const float* bias = keep("bias");

  constexpr int64_t kPositions = 256;
  std::vector<float> features(length * spec.filter_order);
  pool.run((length + kPositions - 1) / kPositions, [&](int64_t chunk, int) {
    const int64_t first = chunk * kPositions;
    kernels::filter_features(network, first, std::min(length, first + kPositions),
                             features.data() + first * spec.filter_order);
  });
  for (int64_t step = 0; step < count; ++step) long_filters_.emplace_back(d_model_, length);
  pool.run(count * groups(), [&](int64_t item, int) {
    const int64_t step = item / groups(), group = item % groups(), d = group * kConvLanes;
    const int64_t lanes = std::min(kConvLanes, d_model_ - d);
    const int64_t channel = spec.steps_first ? step * d_model_ + d : d * count + step;
    const int64_t next = spec.steps_first ? 1 : count;
    kernels::LongFilter& filter = long_filters_[step];
    kernels::filter_taps(network, 0, length, features.data(), channel, next, lanes, filter.taps(group));
    for (int64_t lane = 0; lane < lanes; ++lane) filter.bias(group)[lane] = bias[channel + lane * next];
    filter.transform(group);
  });
}

int64_t HyenaOperator::bytes() const {
  int64_t sum = static_cast<int64_t>((short_weight_.size() + short_bias_.size()) * sizeof(float));
  for (const kernels::LongFilter& filter : long_filters_) sum += filter.bytes();
  return sum;
}

int64_t HyenaOperator::scratch_floats() const {
  return 2 * kTile * kConvLanes + kernels::long_conv_scratch(long_filters_.front().length());
}

kernels::ConvHistory HyenaOperator::history(const Memory& memory, int64_t step, int64_t group) const {
  return {memory.pages + (step * groups() + group) * kernels::kConvPage * kConvLanes, memory.page_stride,
          memory.tokens};
}

void HyenaOperator::run(int64_t group, int64_t position, int64_t tokens, const float* u, int64_t u_stride,
                        const Memory& memory, float* y, int64_t y_stride, float* scratch) const {
  const int64_t d = group * kConvLanes, lanes = std::min(kConvLanes, d_model_ - d), order = steps() + 1;
  float *v = scratch, *gate = v + kTile * kConvLanes, *rest = gate + kTile * kConvLanes;
  const auto filter_of = [&](int64_t part) {
    const int64_t c = part * d_model_ + d;
    return kernels::ShortFilter{width_, lanes, inputs_, short_weight_.data() + c, short_bias_.data() + c};
  };
  std::fill_n(scratch, 2 * kTile * kConvLanes, 0.0f);  // the lanes that a last group lacks
  for (int64_t part = 0; part <= order && position == 0; ++part)
    for (int64_t j = 0; j + 1 < width_; ++j)
      std::fill_n(memory.before + j * inputs_ + part * d_model_ + d, lanes, 0.0f);

  for (int64_t t = 0; t < tokens; t += kTile) {
    const int64_t count = std::min(kTile, tokens - t);
    const float* rows = u + t * u_stride;
    const auto input = [&](int64_t part, float* to) {
      const int64_t c = part * d_model_ + d;
      kernels::short_conv(filter_of(part), count, rows + c, u_stride, memory.before + c, inputs_, to, kConvLanes);
    };
    input(order, v);
    for (int64_t step = 0; step < steps(); ++step) {
      input(order - 1 - step, gate);
      multiply(v, gate, count * kConvLanes);
      kernels::long_conv(long_filters_[step], group, history(memory, step, group), position + t, count, v, v, rest);
    }
    input(0, gate);
    multiply(v, gate, count * kConvLanes);
    for (int64_t i = 0; i < count; ++i) std::copy_n(v + i * kConvLanes, lanes, y + (t + i) * y_stride + d);
    for (int64_t part = 0; part <= order; ++part) {
      const int64_t c = part * d_model_ + d;
      kernels::short_conv_carry(filter_of(part), count, rows + c, u_stride, memory.before + c, inputs_);
    }
  }
}

void HyenaOperator::restore(int64_t group, int64_t position, const Memory& memory, float* scratch) const {
  for (int64_t step = 0; step < steps(); ++step)
    kernels::long_conv_restore(long_filters_[step], group, history(memory, step, group), position, scratch);
}

}  // namespace orrery::text
