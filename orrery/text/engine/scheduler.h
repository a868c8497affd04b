// Which sequences the next step computes: continuous batching (Yu et al. 2022, "Orca") over the paged cache.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "orrery/text/engine/draft_model.h"
#include "orrery/text/engine/forward.h"
#include "orrery/text/engine/sequence_memory.h"
#include "orrery/text/engine/state_cache.h"
#include "orrery/text/engine/stop_text.h"
#include "orrery/text/engine/stream.h"

namespace orrery::text {

/// A request on its way. Waiting, then running: its prompt in chunks, then a token a step.
struct Sequence {
  Sequence(Request request, std::shared_ptr<const AdapterSet> adapters, std::shared_ptr<Stream::State> stream,
           const Tokenizer& tokenizer);
  uint64_t cache_root() const { return adapters == nullptr ? 0 : adapters->cache_root; }

  Request request;
  std::shared_ptr<const AdapterSet> adapters;  ///< those of the request; nullptr: none
  std::shared_ptr<Stream::State> stream;
  Sampler sampler;
  StreamDecoder decoder;
  StopText stop;
  std::vector<TokenId> tokens;         ///< the prompt and the answer so far
  int64_t computed = 0;                ///< tokens whose keys and values are in the cache
  int64_t limit = 0;                   ///< tokens it may grow to
  std::optional<SequencePages> pages;  ///< once it runs
  std::byte* state = nullptr;
  std::vector<float> patch_rows;         ///< embeddings of the prompt's image patches
  std::vector<const float*> embeddings;  ///< per token of the prompt, nullptr or into patch_rows; empty: no picture
  int64_t remembered = 0;                ///< pages the cache has been told about
  DraftModel::Memory draft_memory;
  int64_t draft_length;  ///< tokens worth guessing next
  RequestStats stats;
  std::chrono::steady_clock::time_point started, first_token;

  // Of the step under way
  struct Sampled {
    TokenId token;
    std::vector<TokenLogprob> logprobs;
  };
  int64_t batch_tokens = 0;
  std::vector<TokenId> drafts;   ///< guesses, computed after the last token
  std::span<float> logits;       ///< after the last token and after each guess
  std::vector<Sampled> sampled;  ///< as long as the guesses were right, and one more
  std::string failure;
};

/// Tokens in the cache of a sequence that sees the spec's widest window while it computes `chunk` tokens at once.
int64_t ring_tokens(const DecoderSpec& spec, int64_t chunk);

/// LongRoPE's long divisors, as a root of the cache.
inline constexpr uint64_t kLongRotation = ~uint64_t{0};
/// The root under which a sequence of `length` tokens shares pages; nothing where no other has keys rotated as its are.
std::optional<uint64_t> page_root(const DecoderSpec& spec, int64_t length);

/// Guesses for each of `answers` sequences in a step that computes nothing else: as many as leave the step bound by
/// reading the weights, so none when it is full anyway.
int64_t most_drafts(int64_t answers);

/// One thread at a time (the engine's).
class Scheduler {
 public:
  Scheduler(const EngineOptions& options, const DecoderSpec& spec, const Checkpoint& checkpoint, KvCache& cache,
            StateStore& states, StateCache& kept_states, Forward& forward, ThreadPool& pool);

  void add(std::unique_ptr<Sequence> sequence) { waiting_.push_back(std::move(sequence)); }
  bool idle() const { return waiting_.empty() && running_.empty(); }
  bool running() const { return !running_.empty(); }
  /// Admits what fits (unless told not to), computes one batch, hands out its tokens. False where there was nothing to
  /// compute: every answer rests.
  bool step(bool admits = true);
  /// Counts, kept up after each step. From any thread.
  EngineLoad load() const;
  /// Ends everything with kError (or kCancelled when the message is empty).
  void end_all(const std::string& message);

 private:
  void drop_cancelled();
  void admit();
  void embed_patches(Sequence& sequence);
  void draft();
  std::optional<uint64_t> root_of(const Sequence& sequence) const;
  void remember_pages(Sequence& sequence);
  void restore_state(Sequence& sequence);
  void keep_state(const Sequence& sequence);
  void start_over_where_rotation_changes(Sequence& sequence);
  void adopt_computed(Sequence& sequence);
  bool computed_by_another(const Sequence& sequence) const;
  void gather();
  void count();
  void sample();
  void sample(Sequence& sequence);
  void hand_out(Sequence& sequence);
  void hand_out(Sequence& sequence, const Sequence::Sampled& sampled);
  bool ends(const Sequence& sequence, TokenId token) const;
  void end_at_limit(Sequence& sequence);
  void end(Sequence& sequence, FinishReason reason, const std::string& message = "", TokenId token = -1);
  int64_t pages_at_most(const Sequence& sequence) const;
  int64_t pages_to_come(const Sequence& sequence) const;

  const EngineOptions& options_;
  const Tokenizer& tokenizer_;
  KvCache& cache_;
  StateStore& states_;
  StateCache& kept_states_;
  Forward& forward_;
  ThreadPool& pool_;
  const DecoderSpec& spec_;
  std::optional<DraftModel> draft_model_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;
  std::vector<Segment> segments_;
  std::vector<Sequence*> batch_, sampling_;
  std::vector<DraftModel::Task> draft_tasks_;
  EngineLoad load_;                   // the engine's thread's
  mutable std::mutex counted_mutex_;  // of the next
  EngineLoad counted_;
};

}  // namespace orrery::text
