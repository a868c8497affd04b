#include "orrery/text/engine/layers.h"

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/text/engine/hyena/hyena.h"
#include "orrery/text/engine/transformer/transformer.h"

namespace orrery::text {

int64_t widest_input(const DecoderSpec& spec) {
  return std::max({spec.hidden_size, spec.heads * spec.head_dim, spec.intermediate_size, spec.patches.values()});
}

int64_t state_bytes(const DecoderSpec& spec, int64_t tokens) {
  switch (spec.mixer) {
    case MixerKind::kHyena:
      return Hyena::state_bytes(spec, tokens);
    default:
      return 0;
  }
}

std::unique_ptr<Layers> make_layers(WeightLoader& loader, const LayerRuntime& runtime) {
  switch (loader.spec().mixer) {
    case MixerKind::kAttention:
      return std::make_unique<Transformer>(loader, runtime);
    case MixerKind::kHyena:
      return std::make_unique<Hyena>(loader, runtime);
    default:
      throw Error({.doing = "load a model",
                   .where = "mixer",
                   .found = "a kind that the engine does not compute yet",
                   .expected = "attention or hyena"});
  }
}

}  // namespace orrery::text
