// params.json of Meta's LLaMA checkpoints (meta-llama/llama, llama/model.py: ModelArgs).
#pragma once

#include <cstdint>
#include <string>

namespace orrery::text {

class ConfigJson;
struct DecoderSpec;

/// What params.json leaves to the weights.
struct MetaShapes {
  int64_t vocab_size = 0;  ///< rows of the embedding of all shards together; 0 when there is none
  int64_t inner = 0;       ///< rows of layers.0.feed_forward.w1 of all shards together; 0 when there is none
  bool tied = false;       ///< no output.weight
};

/// The width of the feed-forward layer: two thirds of 4 · dim, times ffn_dim_multiplier, up to a multiple_of
/// (FeedForward.__init__). Throws Error naming the key whose value is out of range.
int64_t meta_ffn_width(const ConfigJson& params);

/// The spec of the model, rotary pairs interleaved. vocab_size -1 is the embedding's; rope.use_scaled_rope is Llama
/// 3.1's scaling, and 3.2's where embeddings are tied. The context, which Meta's files do not say, is the release's
/// that the other settings point to. Settings of fine-tunes that carry their own (adapter_len …) are left to those who
/// read them: `model_type` says so. Throws Error naming the file and a key that is missing, wrong or not supported, and
/// the feed-forward width when the weights have another.
DecoderSpec spec_from_meta(const ConfigJson& params, const MetaShapes& shapes);

}  // namespace orrery::text
