#include "orrery/nn/blocks.h"

#include "orrery/nn/hyena.h"
#include "orrery/nn/rwkv.h"
#include "orrery/nn/transformer.h"

namespace orrery::nn {

std::unique_ptr<Blocks> make_blocks(const text::DecoderSpec& spec, const Parameters& parameters) {
  switch (spec.mixer) {
    case text::MixerKind::kAttention:
      return std::make_unique<Transformer>(spec, parameters);
    case text::MixerKind::kHyena:
      return std::make_unique<Hyena>(spec, parameters);
    case text::MixerKind::kRwkv4:
    case text::MixerKind::kRwkv5:
    case text::MixerKind::kRwkv7:
      return std::make_unique<Rwkv>(spec, parameters);
  }
  return nullptr;
}

}  // namespace orrery::nn
