#include "orrery/text/engine/hyena/hyena.h"

#include <fmt/format.h>

#include <cassert>

namespace orrery::text {
namespace {

using kernels::kConvPage;
using kernels::MatmulOutput;

int64_t align16(int64_t floats) { return (floats + 15) / 16 * 16; }  // a cache line

// Of a layer: the short filters' memory, and a page of the long ones'.
int64_t before_floats(const DecoderSpec& spec) {
  return align16((spec.hyena.short_filter_order - 1) * (spec.hyena.order + 1) * spec.hidden_size);
}
int64_t page_floats(const DecoderSpec& spec) { return (spec.hyena.order - 1) * align16(spec.hidden_size) * kConvPage; }

}  // namespace

Hyena::Hyena(WeightLoader& loader, const LayerRuntime& runtime)
    : spec_(loader.spec()),
      runtime_(runtime),
      inputs_((spec_.hyena.order + 1) * spec_.hidden_size),
      mlp_(spec_, runtime),
      inputs_memory_(runtime.max_tokens * inputs_ * sizeof(float)),
      outputs_memory_(runtime.max_tokens * spec_.hidden_size * sizeof(float)) {
  blocks_.reserve(spec_.layers);
  for (int64_t i = 0; i < spec_.layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}.", i), mixer = prefix + "mixer.";
    const auto floats = [&](const std::string& name) { return loader.floats(mixer + name); };
    Block& block = blocks_.emplace_back(
        Block{.mixer_norm = loader.norm(prefix + "input_layernorm"),
              .mlp_norm = loader.norm(prefix + "post_attention_layernorm"),
              .in = {},
              .out = {},
              .mixer = HyenaOperator(spec_.hyena, spec_.hidden_size, runtime.context, floats, runtime.pool)});
    loader.add(block.in, mixer + "in_proj");
    loader.add(block.out, mixer + "out_proj");
    mlp_.load(loader, i, prefix + "mlp.");
  }
  const HyenaOperator& mixer = blocks_.front().mixer;
  assert(before_floats(spec_) >= mixer.before_floats() && page_floats(spec_) == mixer.page_floats());
  scratch_floats_ = align16(mixer.scratch_floats());
  scratch_ = Buffer(runtime.pool.threads() * scratch_floats_ * sizeof(float));
}

int64_t Hyena::state_bytes(const DecoderSpec& spec, int64_t tokens) {
  const int64_t pages = (tokens + kConvPage - 1) / kConvPage;
  const int64_t floats = before_floats(spec) + pages * page_floats(spec);
  return spec.layers * floats * static_cast<int64_t>(sizeof(float));
}

HyenaOperator::Memory Hyena::memory_of(std::byte* state, int64_t layer) const {
  float* before = reinterpret_cast<float*>(state);
  float* pages = before + spec_.layers * before_floats(spec_);
  const int64_t page = page_floats(spec_);
  return {before + layer * before_floats(spec_), pages + layer * page, spec_.layers * page, runtime_.context};
}

void Hyena::restore_state(std::byte* state, int64_t tokens) {
  const int64_t groups = blocks_.front().mixer.groups();
  runtime_.pool.run(spec_.layers * groups, [&](int64_t item, int thread) {
    const int64_t layer = item / groups;
    blocks_[layer].mixer.restore(item % groups, tokens, memory_of(state, layer), scratch(thread));
  });
}

// x + out(operator(in(norm(x)))), then x + mlp(norm(x)).
void Hyena::run(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead) {
  const Block& block = blocks_[layer];
  const int64_t size = spec_.hidden_size, rows = batch.size();
  ProjectionInput x{hidden, size, rows, size, &block.mixer_norm};
  runtime_.projector.run({x, &block.in, inputs_memory_.as<float>(), inputs_}, Profile::kNorm, Profile::kQkv,
                         block.out.ahead());
  mix(layer, batch);
  runtime_.projector.run(
      {{outputs_memory_.as<float>(), size, rows, size}, &block.out, hidden, size, MatmulOutput::kAdd},
      Profile::kPackAttention, Profile::kOutput, mlp_.first_weights(layer));
  x.norm = &block.mlp_norm;
  runtime_.projector.run(mlp_.input(layer, x), Profile::kNorm, Profile::kGateUp, mlp_.last_weights(layer));
  mlp_.activate(layer, rows);
  runtime_.projector.run(mlp_.output(layer, rows, hidden), Profile::kPackMlp, Profile::kDown, ahead);
}

void Hyena::mix(int64_t layer, const Batch& batch) {
  Profile::Timer timer(runtime_.profile, Profile::kAttention);
  const HyenaOperator& mixer = blocks_[layer].mixer;
  const int64_t groups = mixer.groups(), size = spec_.hidden_size;
  const auto segments = static_cast<int64_t>(batch.segments.size());
  runtime_.pool.run_stretches(segments * groups, [&](int64_t first, int64_t last, int thread) {
    for (int64_t item = first; item < last; ++item) {
      const Segment& segment = batch.segments[item / groups];
      const int64_t row = batch.first_rows[item / groups];
      mixer.run(item % groups, segment.first_position, static_cast<int64_t>(segment.tokens.size()),
                inputs_memory_.as<float>() + row * inputs_, inputs_, memory_of(segment.state, layer),
                outputs_memory_.as<float>() + row * size, size, scratch(thread));
    }
  });
}

}  // namespace orrery::text
