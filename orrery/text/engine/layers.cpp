#include "orrery/text/engine/layers.h"

#include <algorithm>

#include "orrery/text/engine/hyena/hyena.h"
#include "orrery/text/engine/rwkv/rwkv.h"
#include "orrery/text/engine/transformer/transformer.h"

namespace orrery::text {

int64_t widest_input(const DecoderSpec& spec) {
  const RwkvSpec& ranks = spec.rwkv;
  return std::max({spec.hidden_size, spec.heads * spec.head_dim, spec.intermediate_size, ranks.decay_rank,
                   ranks.rate_rank, ranks.value_rank, ranks.gate_rank, spec.patches.values()});
}

int64_t state_bytes(const DecoderSpec& spec, int64_t tokens) {
  switch (spec.mixer) {
    case MixerKind::kHyena:
      return Hyena::state_bytes(spec, tokens);
    case MixerKind::kRwkv4:
    case MixerKind::kRwkv5:
    case MixerKind::kRwkv7:
      return rwkv_state_bytes(spec);
    case MixerKind::kAttention:
      break;
  }
  return 0;
}

std::unique_ptr<Layers> make_layers(WeightLoader& loader, const LayerRuntime& runtime) {
  switch (loader.spec().mixer) {
    case MixerKind::kAttention:
      return std::make_unique<Transformer>(loader, runtime);
    case MixerKind::kHyena:
      return std::make_unique<Hyena>(loader, runtime);
    case MixerKind::kRwkv4:
    case MixerKind::kRwkv5:
    case MixerKind::kRwkv7:
      break;
  }
  return std::make_unique<Rwkv>(loader, runtime);
}

}  // namespace orrery::text
