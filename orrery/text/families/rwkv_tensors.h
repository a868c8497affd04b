// What RWKV's versions have in common: extents, and the forms that files give the same tensors.
#pragma once

#include <vector>

#include "orrery/text/families/family.h"

namespace orrery::text::rwkv {

/// Nothing says how many tokens a model of constant memory was trained on, and nothing limits them; this is what
/// converters write.
inline constexpr int64_t kContext = 1048576;

inline constexpr auto vocab = [](const DecoderSpec& s) { return s.vocab_size; };
inline constexpr auto hidden = [](const DecoderSpec& s) { return s.hidden_size; };
inline constexpr auto mixed = [](const DecoderSpec& s) { return s.heads * s.head_dim; };  // columns of the time mixing
inline constexpr auto inner = [](const DecoderSpec& s) { return s.intermediate_size; };

/// Vectors that some files give axes of 1 ([1, 1, channels], [heads, head_size, 1]) or one axis per head, as
/// [channels]; the mixes that rwkv.cpp and llama.cpp keep in one tensor, each by its own name.
std::vector<TensorView> split(const TensorView& tensor, const DecoderSpec& spec);

/// Sizes that all versions' original files show: vocabulary, width, layers, channel mixing, `heads` of the time
/// mixing's width. Throws Error when that is no multiple of them.
DecoderSpec spec_from_original(const OriginalTensors& tensors, std::string_view family, MixerKind mixer, int64_t heads);

/// The same of the hub's config for 4 and 5; `heads` 0: single channels.
DecoderSpec spec_from_hub(const ConfigJson& config, std::string_view family, MixerKind mixer, int64_t head_size);

}  // namespace orrery::text::rwkv
