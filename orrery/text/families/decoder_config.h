// What the configs and the tensor tables of attention models have in common.
#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "orrery/text/decoder_spec.h"

namespace orrery::text {

class GgufConfig;
class ConfigJson;

/// Sizes and conditions for tensor tables.
namespace extents {
using Spec = DecoderSpec;
inline constexpr auto vocab = [](const Spec& s) { return s.vocab_size; };
inline constexpr auto hidden = [](const Spec& s) { return s.hidden_size; };
inline constexpr auto inner = [](const Spec& s) { return s.intermediate_size; };
inline constexpr auto queries = [](const Spec& s) { return s.heads * s.head_dim; };
inline constexpr auto keys = [](const Spec& s) { return s.kv_heads * s.head_dim; };
inline constexpr auto head = [](const Spec& s) { return s.head_dim; };
inline constexpr auto experts = [](const Spec& s) { return s.mixture.experts; };
inline constexpr auto untied = [](const Spec& s) { return !s.tied_embeddings && s.labels == 0; };
inline constexpr auto head_bias = [](const Spec& s) { return s.head_bias; };
inline constexpr auto qkv_bias = [](const Spec& s) { return s.qkv_bias; };
inline constexpr auto o_bias = [](const Spec& s) { return s.o_bias; };
inline constexpr auto mlp_bias = [](const Spec& s) { return s.mlp_bias; };
inline constexpr auto qk_norm = [](const Spec& s) { return s.qk_norm.has_value(); };
}  // namespace extents

/// vocab_size, hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads (absent: the
/// heads), head_dim (absent: hidden_size / heads). Throws Error naming a key that is missing or contradicts another.
void read_sizes(const ConfigJson& config, DecoderSpec& spec);
/// The same, and the context, of GGUF metadata; the vocabulary is the embedding's, and the head is tied where there is
/// no output.weight.
void read_sizes(const GgufConfig& config, DecoderSpec& spec);

/// The same, written.
void write_sizes(const DecoderSpec& spec, nlohmann::json& config);

/// A float32 of a file as the shortest decimal that means it: 1e-05, not 9.99999975e-06.
double shortest(double number);

/// labels, for architectures named …ForSequenceClassification: num_labels, or as many as id2label has (else 2).
void read_labels(const ConfigJson& config, DecoderSpec& spec);

/// Of the options that change a decoder's numbers and that few families have, refuses those that are not in `known`,
/// by name.
void refuse_unsupported(const ConfigJson& config, std::initializer_list<std::string_view> known = {});

/// The value of `key` (or `fallback`) as an activation: silu, gelu, gelu_new and their kin, relu2. Throws Error naming
/// the key for any other.
Activation read_activation(const ConfigJson& config, std::string_view key, std::string_view fallback);

/// The name that read_activation takes for it.
std::string_view activation_name(Activation activation);

/// Windows of `window` keys in the layers that layer_types calls sliding_attention; all layers where it is absent.
/// Throws Error for another number of layers or another kind.
std::vector<int64_t> read_windows(const ConfigJson& config, int64_t layers, int64_t window);

/// sliding_window, and layer_types where not all layers have it; nothing where none has.
void write_windows(const DecoderSpec& spec, nlohmann::json& config);

}  // namespace orrery::text
