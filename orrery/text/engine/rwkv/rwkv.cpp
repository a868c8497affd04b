#include "orrery/text/engine/rwkv/rwkv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "orrery/text/engine/rwkv/rwkv4.h"
#include "orrery/text/engine/rwkv/rwkv5.h"
#include "orrery/text/engine/rwkv/rwkv7.h"

namespace orrery::text {

namespace rwkv {

int64_t time_mix_floats(const DecoderSpec& spec) {
  return spec.heads * spec.head_dim * (spec.mixer == MixerKind::kRwkv4 ? 3 : spec.head_dim);
}

std::vector<float> load_share(const WeightLoader& loader, const std::string& name, bool of_this) {
  std::vector<float> share = loader.floats(name);
  if (of_this)
    for (float& value : share) value = 1 - value;
  return share;
}

namespace {

std::unique_ptr<TimeMix> make_time_mix(const DecoderSpec& spec, const LayerRuntime& runtime) {
  if (spec.mixer == MixerKind::kRwkv4) return std::make_unique<Rwkv4>(spec, runtime);
  if (spec.mixer == MixerKind::kRwkv5) return std::make_unique<Rwkv5>(spec, runtime);
  return std::make_unique<Rwkv7>(spec, runtime);
}

}  // namespace
}  // namespace rwkv

int64_t rwkv_state_bytes(const DecoderSpec& spec) {
  return spec.layers * (2 * spec.hidden_size + rwkv::time_mix_floats(spec)) * int64_t{sizeof(float)};
}

Rwkv::Rwkv(WeightLoader& loader, const LayerRuntime& runtime)
    : spec_(loader.spec()),
      runtime_(runtime),
      embed_norm_(loader.norm("model.embed_norm")),
      norms_(spec_.layers),
      shift_(spec_, runtime),
      time_mix_(rwkv::make_time_mix(spec_, runtime)),
      channel_mix_(spec_, runtime) {
  for (int64_t i = 0; i < spec_.layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}.", i);
    norms_[i] = {loader.norm(prefix + "time_mix_norm"), loader.norm(prefix + "channel_mix_norm")};
    // Normalised, a stream that was halved n times is one that was not, with an eps 4ⁿ as large.
    if (const int64_t every = spec_.rwkv.rescale_every; every > 0)
      for (Norm* norm : {&norms_[i].time_mix, &norms_[i].channel_mix})
        norm->eps = std::ldexp(norm->eps, static_cast<int>(2 * (i / every)));
    time_mix_->load(loader, i, prefix + "time_mix.");
    channel_mix_.load(loader, i, prefix + "channel_mix.");
  }
}

void Rwkv::begin(const Batch& batch) {
  for (const Segment& segment : batch.segments) {
    if (segment.first_position > 0) continue;
    for (int64_t layer = 0; layer < spec_.layers; ++layer) {
      auto* shifts = reinterpret_cast<float*>(segment.state + layer * layer_bytes());
      std::fill_n(shifts, 2 * spec_.hidden_size, 0.0f);
      time_mix_->reset({shifts + 2 * spec_.hidden_size, static_cast<size_t>(rwkv::time_mix_floats(spec_))});
    }
  }
}

// f of each row of hidden, in place.
template <class F>
void Rwkv::for_rows(int64_t rows, float* hidden, const F& f) {
  const auto size = static_cast<size_t>(spec_.hidden_size);
  runtime_.pool.run((rows + 15) / 16, [&](int64_t chunk, int) {
    for (int64_t row = chunk * 16; row < std::min(rows, chunk * 16 + 16); ++row)
      f(std::span<float>(hidden + row * spec_.hidden_size, size));
  });
}

void Rwkv::run(int64_t layer, const Batch& batch, float* hidden, const ReadAhead& ahead) {
  const Norms& norms = norms_[layer];
  const int64_t state = layer * layer_bytes();
  if (layer == 0) for_rows(batch.size(), hidden, [&](std::span<float> row) { embed_norm_(row, row); });

  shift_.run(batch, hidden, norms.time_mix, state, time_mix_->mixes(layer));
  time_mix_->run(layer, batch, state + 2 * shift_bytes(), hidden, channel_mix_.first_weights(layer));
  shift_.run(batch, hidden, norms.channel_mix, state + shift_bytes(), channel_mix_.mixes(layer));
  channel_mix_.run(layer, batch.size(), hidden, ahead);

  if (const int64_t every = spec_.rwkv.rescale_every; layer + 1 == spec_.layers && every > 0 && every <= spec_.layers) {
    const float halved = std::ldexp(1.0f, -static_cast<int>(spec_.layers / every));
    for_rows(batch.size(), hidden, [&](std::span<float> row) {
      for (float& value : row) value *= halved;
    });
  }
}

}  // namespace orrery::text
