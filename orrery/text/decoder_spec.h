// Everything there is to say about a decoder-only language model, as plain data. A family (text/families) turns its
// config into one; text::Engine and nn::Decoder obey it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace orrery::text {

enum class Activation { kSilu, kGelu, kGeluTanh, kReluSquared };
/// kHalf: dimension i of a head turns with i + dim/2 (Hugging Face); kInterleaved: 2i with 2i + 1 (Meta, GGUF llama).
enum class RopeLayout { kHalf, kInterleaved };

/// Frequencies of the rotary embedding (Su et al. 2021). inv_freq[i] = theta^(-2i/dim), changed by `scaling`.
struct RopeSpec {
  enum class Scaling { kNone, kLinear, kYarn, kLlama3, kFactors };
  double theta = 10000.0;
  int64_t dim = 0;  ///< rotated dimensions of a head, from the first; 0 is none
  RopeLayout layout = RopeLayout::kHalf;
  Scaling scaling = Scaling::kNone;
  double factor = 1.0;
  int64_t original_context = 0;
  double beta_fast = 32, beta_slow = 1;              ///< YaRN (Peng et al. 2023)
  double attention_factor = 1.0;                     ///< cos and sin are multiplied by it
  double low_freq_factor = 1, high_freq_factor = 4;  ///< Llama 3.1
  std::vector<float> factors;                        ///< one divisor per frequency (GGUF rope_freqs.weight), kFactors
};

struct DecoderSpec {
  std::string family;  ///< "llama", …
  int64_t vocab_size = 0, hidden_size = 0, layers = 0;
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  int64_t intermediate_size = 0;
  int64_t context_length = 0;  ///< trained positions
  double norm_eps = 1e-5;
  Activation activation = Activation::kSilu;
  double attention_scale = 0;  ///< head_dim^-0.5 when 0
  bool tied_embeddings = false;
  bool qkv_bias = false, o_bias = false,
       mlp_bias = false;  ///< self_attn.{q,k,v}_proj.bias, o_proj.bias, mlp.*_proj.bias exist
  RopeSpec rope;
  int64_t parameters = 0;  ///< counted from the file
};

}  // namespace orrery::text
