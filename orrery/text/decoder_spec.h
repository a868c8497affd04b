// Everything there is to say about a decoder-only language model, as plain data. A family (text/families) turns its
// config into one; text::Engine and nn::Decoder obey it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace orrery::text {

enum class Activation { kSilu, kGelu, kGeluTanh, kReluSquared };
enum class NormKind { kRms, kLayer };
enum class MixerKind { kAttention, kRwkv4, kRwkv5, kRwkv7, kHyena };
/// kHalf: dimension i of a head turns with i + dim/2 (Hugging Face); kInterleaved: 2i with 2i + 1 (Meta, GGUF llama).
enum class RopeLayout { kHalf, kInterleaved };

/// Frequencies of the rotary embedding (Su et al. 2021). inv_freq[i] = theta^(-2i/dim), changed by `scaling`.
struct RopeSpec {
  enum class Scaling { kNone, kLinear, kNtk, kDynamic, kYarn, kLlama3, kLongRope, kFactors };
  double theta = 10000.0;
  int64_t dim = 0;  ///< rotated dimensions of a head, from the first; 0 is none
  RopeLayout layout = RopeLayout::kHalf;
  Scaling scaling = Scaling::kNone;
  double factor = 1.0;
  int64_t original_context = 0;                      ///< kDynamic, kYarn, kLlama3, kLongRope: trained positions
  double beta_fast = 32, beta_slow = 1;              ///< YaRN (Peng et al. 2023)
  double attention_factor = 1.0;                     ///< cos and sin are multiplied by it
  double low_freq_factor = 1, high_freq_factor = 4;  ///< Llama 3.1
  std::vector<float> factors;        ///< a divisor per frequency: kFactors (GGUF rope_freqs.weight), kLongRope
  std::vector<float> short_factors;  ///< kLongRope: those of sequences that original_context holds

  /// Whether the frequencies depend on how long the sequence is.
  bool by_length() const { return scaling == Scaling::kDynamic || scaling == Scaling::kLongRope; }
};

/// Endless text (Xiao et al. 2023, "Efficient Streaming Language Models with Attention Sinks"): a layer without a
/// window of its own sees the first `sinks` tokens and the last `window`, itself included, as if no token stood between
/// them.
struct StreamingSpec {
  int64_t sinks = 0, window = 0;  ///< window 0: no streaming
  /// Tokens that the last of `length` sees.
  int64_t seen(int64_t length) const { return window == 0 || length < sinks + window ? length : sinks + window; }
};

/// Positions further back than the trained ones without training (Jin et al. 2024, "LLM Maybe LongLM: Self-Extend"):
/// keys at a distance of `neighbours` or more stand at position / group.
struct SelfExtendSpec {
  int64_t group = 1, neighbours = 0;  ///< group 1: off
  /// Where the query at `position` stands among the grouped keys (algorithm 1).
  int64_t query_position(int64_t position) const { return position / group + neighbours - neighbours / group; }
};

/// A feed-forward layer of several experts, of which a router chooses `active` for each token (Shazeer et al. 2017);
/// their weights are a softmax over the chosen ones' scores (Jiang et al. 2024, "Mixtral of Experts").
struct MixtureSpec {
  int64_t experts = 0, active = 0;  ///< 0 experts: dense
};

/// The Hyena operator (Poli et al. 2023). Names as in HazyResearch/safari, src/models/sequence/hyena.py; the filters
/// are context_length long.
struct HyenaSpec {
  int64_t order = 2;               ///< gates; order - 1 long convolutions
  int64_t short_filter_order = 3;  ///< taps of the short convolution
  int64_t emb_dim = 3;             ///< features of a position
  int64_t filter_order = 64;       ///< width of the filter's network
  int64_t inner_layers = 2;        ///< of it, besides the first and the last
  bool modulate = true;            ///< filters have an exponential window
  double shift = 0;                ///< of the window
  bool steps_first = false;  ///< filter channel of step o and channel d: o · d_model + d (standalone_hyena.py), else
                             ///< d · (order - 1) + o
};

/// Pictures as tokens (Bavishi et al. 2023, "Fuyu"): a patch of [size, size, channels] values, one linear layer away
/// from an embedding, stands where the text has `image_token`.
struct PatchSpec {
  int64_t size = 0, channels = 3;  ///< size 0: a model that sees no pictures
  int32_t image_token = -1;
  int64_t values() const { return size * size * channels; }
};

/// What only RWKV has (Peng et al. 2023, 2024, 2025). Its heads are DecoderSpec's; RWKV-4's are single channels.
struct RwkvSpec {
  /// Ranks of RWKV-7's maps to decays, in-context learning rates, residual values and gates.
  int64_t decay_rank = 0, rate_rank = 0, value_rank = 0, gate_rank = 0;
  double head_norm_eps = 64e-5;  ///< of the norm of each head's output
  int64_t rescale_every = 0;     ///< the stream is halved after so many blocks, and what blocks add with it; 0: never
  bool ready_decay = false;      ///< time_decay is stored as the recurrence uses it (rwkv.cpp)
};

struct DecoderSpec {
  std::string family;  ///< "llama", …
  MixerKind mixer = MixerKind::kAttention;
  int64_t vocab_size = 0, hidden_size = 0, layers = 0;
  int64_t intermediate_size = 0;
  int64_t context_length = 0;    ///< trained positions
  double embedding_scale = 1;    ///< the embeddings are multiplied by it (Gemma)
  bool tied_embeddings = false;  ///< the head is the embedding
  bool head_bias = false;        ///< lm_head.bias exists
  int64_t labels = 0;            ///< > 0: the head is a score per label (score.weight), not a language model's
  bool score_bias = false;       ///< score.bias exists
  bool value_head = false;       ///< v_head.summary beside the language model's head: a value per position (TRL)
  PatchSpec patches;

  NormKind norm = NormKind::kRms;  ///< kLayer has a bias beside each weight
  double norm_eps = 1e-5;
  double norm_offset = 0;        ///< added to the weights of RMS norms (1 in Gemma's hub files)
  bool parallel_blocks = false;  ///< x + attention(n) + mlp(n), n = norm(x), with one norm (phi)
  bool output_norms = false;     ///< attention's and the mlp's outputs are normalised before they are added (Gemma)

  // Attention
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  double attention_scale = 0;  ///< head_dim^-0.5 when 0
  bool qkv_bias = false, o_bias = false;
  bool qkv_interleaved = false;     ///< one qkv_proj with rows [head 0: q, k, v; head 1: …] (Persimmon, Fuyu)
  std::optional<NormKind> qk_norm;  ///< over each head of q and k, before they are rotated; one weight for all heads
  std::vector<int64_t> windows;     ///< keys that a layer's query sees, itself included; 0, or no entry: all
  RopeSpec rope;
  std::optional<RopeSpec> local_rope;  ///< of the layers with a window, where it is another (Gemma 3)
  StreamingSpec streaming;             ///< this and the next: what the engine is asked for, in no model's files
  SelfExtendSpec self_extend;

  // Feed-forward
  Activation activation = Activation::kSilu;
  bool gated_mlp = true;  ///< down(act(gate(x)) ⊙ up(x)), else down(act(up(x)))
  bool mlp_bias = false;
  MixtureSpec mixture;

  HyenaSpec hyena;  ///< with kHyena
  RwkvSpec rwkv;    ///< with kRwkv4, kRwkv5 and kRwkv7

  int64_t parameters = 0;  ///< counted from the file

  /// The layer's own.
  int64_t window(int64_t layer) const { return layer < int64_t(windows.size()) ? windows[layer] : 0; }
  /// What the layer that sees furthest sees beside the sinks; 0: everything.
  int64_t widest_window() const {
    int64_t widest = 0;
    for (int64_t i = 0; i < layers; ++i) {
      const int64_t seen = window(i) > 0 ? window(i) : streaming.window;
      if (seen == 0) return 0;
      widest = seen > widest ? seen : widest;
    }
    return widest;
  }
  /// Whether memory per sequence is the same at any length, so that nothing but training limits it.
  bool constant_memory() const {
    return mixer == MixerKind::kRwkv4 || mixer == MixerKind::kRwkv5 || mixer == MixerKind::kRwkv7;
  }
  int64_t outputs() const { return labels > 0 ? labels : vocab_size; }  ///< columns of the head
};

}  // namespace orrery::text
