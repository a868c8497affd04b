// The fast path of inference: continuous batching over packed weights and a paged KV cache.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orrery/base/dtype.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/sampling/grammar.h"
#include "orrery/text/sampling/sampler.h"

namespace orrery::text {

/// What happens when an answer reaches the end of the context. A prompt that does not fit is an error in any case but
/// kSinks.
enum class Overflow {
  kError,  ///< the stream ends with kError, and both sizes
  kStop,   ///< it ends with kLength
  kSinks,  ///< it goes on without end: the first 4 tokens and the newest are seen, `context` in all (StreamingLLM)
};

struct EngineOptions {
  int threads = 0;               ///< 0: one per core that this process may use
  int64_t context = 0;           ///< tokens one sequence may hold; 0: the model's, at most 8192
  int max_sequences = 16;        ///< sequences decoded at once; more wait
  int64_t kv_tokens = 0;         ///< tokens in the shared cache; 0: context × what fits sensibly (see docs/engine.md)
  DType kv_dtype = DType::kF16;  ///< f32, f16, q8_0 or q4_0
  bool exact = false;            ///< float32 weights, activations and cache: the original's numbers, slow
  bool mapped = false;           ///< weights stay in the mapped file where they can: slower, for models beyond memory
  bool legacy_window = false;    ///< sliding windows by the rule of 2023 (mistral-src, transformers 4.34): one key more
  int64_t prompt_chunk = 512;    ///< prompt tokens computed in one step beside the running answers
  bool lookup = false;           ///< guess ahead what followed the last time (Saxena 2023, prompt look-up decoding)
  std::string draft;  ///< guess ahead with this smaller model of the same vocabulary, as Checkpoint::open takes it
  /// How positions beyond the trained context are reached, where not as the model's files say (docs/long-context.md).
  std::optional<RopeSpec::Scaling> rope_scaling;
  double rope_factor = 0;          ///< of rope_scaling; 0: context / trained context
  int64_t self_extend = 1;         ///< > 1: Self-Extend (Jin et al. 2024) with groups of so many positions
  int64_t self_extend_window = 0;  ///< of it: tokens near by, whose positions stay; 0: half the trained context
  Overflow overflow = Overflow::kError;

  bool operator==(const EngineOptions&) const = default;
};

/// Pictures in a prompt, for models whose spec() has patches.
struct ImagePatches {
  std::vector<int64_t> positions;  ///< of the prompt, ascending: image tokens, for each of which a patch stands
  std::vector<float> values;       ///< [positions, spec().patches.values()], a patch as [y, x, channel]
};

struct Adapter;

/// An adapter by the name it was loaded under, and how strongly it counts.
struct AdapterUse {
  std::string name;
  float weight = 1;
};

enum class FinishReason { kNone, kStop, kLength, kCancelled, kError };

struct Request {
  std::vector<TokenId> prompt;  ///< not empty, shorter than the context: Error gives both sizes otherwise
  std::shared_ptr<const ImagePatches> patches;  ///< nullptr: no picture
  SamplingOptions sampling;
  int64_t max_tokens = -1;                 ///< -1: until the end of the context, which then is no error
  std::vector<std::string> stop;           ///< the answer ends before the first of these
  std::shared_ptr<const Grammar> grammar;  ///< copied per request
  std::vector<AdapterUse> adapters;        ///< what they add to the model is summed
  int32_t top_logprobs = -1;               ///< -1: no log-probabilities
  bool ignore_eos = false;
  /// For save_prompt(), and for prompts that go on from this one: a recurrent model's state before the prompt's last
  /// token, and at the end of the answer, is kept; that costs a step. Keys and values are kept in any case.
  bool cache_prompt = false;
  std::vector<TokenId> shown_tokens;  ///< special tokens whose text the answer has: marks of calls (chat/tools/)
  std::vector<TokenId> end_tokens;    ///< that end the answer beside the model's own, as those of infill/ do
  /// Called after each event, from the engine's thread, so that nobody has to wait in Stream::next(). It must not call
  /// the engine.
  std::function<void()> on_event;
  /// The answer rests while so many events have not been taken, so that a slow reader costs neither steps nor memory;
  /// 0: it never does.
  int64_t most_unread = 0;
};

/// One step of an answer.
struct StreamEvent {
  TokenId token = -1;                  ///< -1 in an event that only carries text or the end
  std::string text;                    ///< whole UTF-8 characters; never part of a stop string
  std::vector<TokenLogprob> logprobs;  ///< the token's own first
  FinishReason finish = FinishReason::kNone;
  TokenId end_token = -1;  ///< with kStop: the token that ended the answer, where one did
  std::string error;       ///< with kError
};

/// Timing and counts of one request, complete once the stream ended.
struct RequestStats {
  int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
  double prompt_seconds = 0, decode_seconds = 0;
  double queue_seconds = 0;                         ///< of prompt_seconds: until the first step
  int64_t drafted_tokens = 0, accepted_tokens = 0;  ///< guessed ahead, and of these right
};

/// What an engine is doing, for those who watch it.
struct EngineLoad {
  int64_t running = 0, waiting = 0;              ///< sequences
  int64_t pages = 0, pages_in_use = 0;           ///< of the cache of keys and values
  int64_t prompt_tokens = 0, cached_tokens = 0;  ///< of all prompts so far, and of these found in the cache
  int64_t completion_tokens = 0;                 ///< of all answers so far
};

/// An answer under way. Movable; dropping it cancels the request.
class Stream {
 public:
  Stream();
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();
  /// Waits for the next event; false once the final event (finish != kNone) has been taken.
  bool next(StreamEvent& event);
  /// The next event, if there is one already.
  bool poll(StreamEvent& event);
  /// From any thread: the engine stops working on it within one step.
  void cancel();
  RequestStats stats() const;
  /// The rest of the answer as one string.
  std::string text();

  struct State;  ///< the engine's side of it

 private:
  friend class Engine;
  std::shared_ptr<State> state_;
};

/// Loads (packs the weights, in parallel), then answers. submit and score may be called from any thread.
class Engine {
 public:
  using Progress = std::function<void(int64_t done_bytes, int64_t total_bytes)>;
  /// Throws Error naming missing tensors, disagreeing shapes and options that the model cannot have.
  Engine(std::shared_ptr<const Checkpoint> checkpoint, const EngineOptions& options, const Progress& progress = {});
  ~Engine();

  /// Throws Error for a prompt that does not fit, and for adapters that are not loaded or cannot go together.
  Stream submit(Request request);

  /// Ends every request with kCancelled, those that wait too. Returns when they have ended.
  void cancel_all();

  /// Makes an adapter available to requests, which it does not change otherwise. Waits until no request is running, as
  /// score() does. Throws Error for a name that is taken, an adapter that does not fit the model (bind()), and what
  /// cannot be changed while the model runs.
  void load_adapter(const std::string& name, const Adapter& adapter);

  /// Takes a position and its outputs; positions come in order.
  using Sink = std::function<void(int64_t position, std::span<const float> outputs)>;
  /// The head's outputs at every position of `tokens` (no sampling, a sequence of its own): logits [vocab_size], or
  /// scores [labels] of a reward model. What perplexity, scoring and the golden tests use.
  void score(std::span<const TokenId> tokens, const Sink& sink, const ImagePatches& patches = {},
             std::span<const AdapterUse> adapters = {});
  /// The value head's output [1] at every position. Throws Error for a model without one.
  void values(std::span<const TokenId> tokens, const Sink& sink);
  /// The hidden state behind the last norm [hidden_size] at every position: what the head reads. Means of them are
  /// texts' embeddings.
  void hidden(std::span<const TokenId> tokens, const Sink& sink);

  /// What is computed of a prompt, kept in a file between runs (--prompt-cache; engine/prompt_cache.h has the format).
  /// save_prompt() writes, wholly or not at all, what is held of the longest prefix of `tokens`: keys and values in
  /// pages of 64 tokens, or the state of a recurrent model, where a request said cache_prompt. load_prompt() puts it
  /// back, so that requests which begin with these tokens find it (RequestStats::cached_tokens); a state is found only
  /// by what begins with all of its tokens and goes on. Both return how many tokens that are, and wait until no request
  /// is running. load_prompt() throws Error naming the field of a file that is damaged, or of another model or other
  /// options.
  int64_t save_prompt(const std::filesystem::path& file, std::span<const TokenId> tokens);
  int64_t load_prompt(const std::filesystem::path& file);

  const Checkpoint& checkpoint() const;
  const EngineOptions& options() const;  ///< resolved: no zeros left
  const DecoderSpec& spec() const;       ///< the checkpoint's, as the options have changed it
  /// Bytes of packed weights, and of those that decoding one token reads.
  int64_t weight_bytes() const;
  int64_t bytes_per_token() const;
  int64_t kv_bytes() const;  ///< allocated for the cache and the states of all sequences
  EngineLoad load() const;
  int64_t sequence_bytes() const;  ///< what one sequence of options().context tokens holds of them at most
  /// Seconds spent in each kernel since reset_profile(), in the order of a step; names such as "matmul qkv".
  /// Waits until no request is running, as score() does.
  std::vector<std::pair<std::string, double>> profile() const;
  void reset_profile();
  /// "avx512-vnni", "avx2", "neon", "reference": what the kernels run on (environment variable ORRERY_ISA forces a
  /// lower one).
  static std::string isa();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery::text
