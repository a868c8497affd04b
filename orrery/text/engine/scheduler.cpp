#include "orrery/text/engine/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "orrery/text/engine/lookup.h"

namespace orrery::text {
namespace {

using Clock = std::chrono::steady_clock;
using kernels::kPageTokens;

// Prompt tokens per step while others are answering: a step then takes a few times a decode's, so that answers keep
// flowing.
constexpr int64_t kPromptBesideAnswers = 128;
// Guesses of one sequence: with its last token 7 rows, which attend as one does (kernels/attention: in float32), so
// that what is sampled does not depend on the guesses, not even in the last bit.
constexpr int64_t kMostDrafts = 6;
constexpr int64_t kDraftRows =
    16;  // of a step; more would not be bound by reading the weights any more (projector.cpp)

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
int64_t pages_for(int64_t tokens) { return (tokens + kPageTokens - 1) / kPageTokens; }

/// Of the tokens that the step computes; none once the prompt is behind.
std::span<const float* const> embeddings_of(const Sequence& sequence) {
  if (sequence.computed >= static_cast<int64_t>(sequence.embeddings.size())) return {};
  return std::span(sequence.embeddings).subspan(sequence.computed, sequence.batch_tokens);
}

/// Its reader has enough to read.
bool rests(const Sequence& sequence) {
  const int64_t most = sequence.request.most_unread;
  return most > 0 && sequence.stream->unread.load(std::memory_order_relaxed) >= most;
}

Sampler make_sampler(const Request& request, const Tokenizer& tokenizer) {
  return Sampler(request.sampling, tokenizer, request.grammar ? std::make_unique<Grammar>(*request.grammar) : nullptr);
}

}  // namespace

Sequence::Sequence(Request r, std::shared_ptr<const AdapterSet> a, std::shared_ptr<Stream::State> s,
                   const Tokenizer& tokenizer)
    : request(std::move(r)),
      adapters(std::move(a)),
      stream(std::move(s)),
      sampler(make_sampler(request, tokenizer)),
      decoder(tokenizer, /*keep_special=*/false, request.shown_tokens),
      stop(request.stop),
      tokens(request.prompt),
      draft_length(kMostDrafts),
      started(Clock::now()) {
  sampler.accept_prompt(tokens);
  stats.prompt_tokens = static_cast<int64_t>(tokens.size());
}

int64_t ring_tokens(const DecoderSpec& spec, int64_t chunk) {
  return spec.widest_window() + chunk + (3 + pages_for(spec.streaming.sinks)) * kPageTokens;
}

// Beyond the trained context, dynamic scaling rotates with a theta that is this length's alone.
std::optional<uint64_t> page_root(const DecoderSpec& spec, int64_t length) {
  const bool beyond = spec.streaming.seen(length) > spec.rope.original_context;
  if (!spec.rope.by_length() || !beyond) return 0;
  if (spec.rope.scaling == RopeSpec::Scaling::kLongRope) return kLongRotation;
  return std::nullopt;
}

Scheduler::Scheduler(const EngineOptions& options, const DecoderSpec& spec, const Checkpoint& checkpoint,
                     KvCache& cache, StateStore& states, StateCache& kept_states, Forward& forward, ThreadPool& pool)
    : options_(options),
      tokenizer_(checkpoint.tokenizer()),
      cache_(cache),
      states_(states),
      kept_states_(kept_states),
      forward_(forward),
      pool_(pool),
      spec_(spec) {
  if (!options.draft.empty()) draft_model_.emplace(options.draft, checkpoint, options, pool);
}

int64_t most_drafts(int64_t answers) { return std::clamp<int64_t>(kDraftRows / answers - 1, 0, kMostDrafts); }

EngineLoad Scheduler::load() const {
  std::lock_guard lock(counted_mutex_);
  return counted_;
}

void Scheduler::count() {
  load_.running = static_cast<int64_t>(running_.size());
  load_.waiting = static_cast<int64_t>(waiting_.size());
  load_.pages = cache_.page_count();
  load_.pages_in_use = load_.pages - cache_.available();
  std::lock_guard lock(counted_mutex_);
  counted_ = load_;
}

bool Scheduler::step(bool admits) {
  drop_cancelled();
  if (admits) admit();
  draft();
  gather();
  if (batch_.empty()) {
    count();
    return false;
  }
  std::span<float> logits = forward_.step(segments_);
  sampling_.clear();
  for (Sequence* sequence : batch_) {
    const auto drafts = static_cast<int64_t>(sequence->drafts.size());
    sequence->tokens.resize(sequence->tokens.size() - drafts);
    sequence->computed += sequence->batch_tokens - drafts;
    remember_pages(*sequence);
    if (sequence->computed == sequence->stats.prompt_tokens - 1) keep_state(*sequence);
    sequence->pages->drop_behind(sequence->computed);
    if (sequence->computed < static_cast<int64_t>(sequence->tokens.size())) continue;
    sequence->logits = logits.first((drafts + 1) * spec_.vocab_size);
    logits = logits.subspan((drafts + 1) * spec_.vocab_size);
    sampling_.push_back(sequence);
  }
  sample();
  for (Sequence* sequence : sampling_) hand_out(*sequence);
  std::erase_if(running_, [](const auto& sequence) { return sequence->stream == nullptr; });
  count();
  return true;
}

std::optional<uint64_t> Scheduler::root_of(const Sequence& sequence) const {
  if (!sequence.embeddings.empty()) return std::nullopt;  // tokens do not tell pictures apart
  const std::optional<uint64_t> rotation = page_root(spec_, static_cast<int64_t>(sequence.tokens.size()));
  const uint64_t adapters = sequence.cache_root();
  if (!rotation || *rotation == 0 || adapters == 0) return rotation ? std::optional(*rotation | adapters) : rotation;
  return (*rotation ^ adapters) | uint64_t{1} << 63;
}

void Scheduler::remember_pages(Sequence& sequence) {
  if (cache_.page_count() == 0) return;
  const std::optional<uint64_t> root = root_of(sequence);
  if (!root) return;
  const std::span<const PageId> pages = sequence.pages->ids();
  for (; (sequence.remembered + 1) * kPageTokens <= sequence.computed; ++sequence.remembered) {
    const int64_t i = sequence.remembered;
    cache_.remember(pages[i], i == 0 ? -1 : pages[i - 1],
                    std::span(sequence.tokens).subspan(i * kPageTokens, kPageTokens), *root);
  }
}

void Scheduler::restore_state(Sequence& sequence) {
  if (sequence.state == nullptr) return;
  const auto before_last = std::span(sequence.tokens).first(sequence.tokens.size() - 1);
  const StateCache::Entry* entry = kept_states_.find_prefix(before_last);
  if (entry == nullptr) return;
  sequence.computed = sequence.stats.cached_tokens = static_cast<int64_t>(entry->tokens.size());
  std::ranges::copy(entry->state, sequence.state);
  forward_.layers().restore_state(sequence.state, sequence.computed);
}

void Scheduler::keep_state(const Sequence& sequence) {
  if (sequence.state == nullptr || !sequence.request.cache_prompt || sequence.computed == 0) return;
  const auto bytes = static_cast<size_t>(forward_.layers().saved_state_bytes(sequence.computed));
  kept_states_.keep(std::span(sequence.tokens).first(sequence.computed), {sequence.state, bytes});
}

// LongRoPE has other frequencies beyond the trained context; keys rotated with the short ones are of no use there
// (transformers' Phi-3 drops its cache in the same place).
void Scheduler::start_over_where_rotation_changes(Sequence& sequence) {
  if (spec_.rope.scaling != RopeSpec::Scaling::kLongRope) return;
  const auto length = static_cast<int64_t>(sequence.tokens.size());
  if (length != spec_.rope.original_context + 1 || spec_.streaming.seen(length) < length) return;
  sequence.pages->release();
  sequence.computed = sequence.remembered = 0;
}

void Scheduler::drop_cancelled() {
  const auto cancelled = [this](const std::unique_ptr<Sequence>& sequence) {
    if (!sequence->stream->cancelled.load(std::memory_order_relaxed)) return false;
    end(*sequence, FinishReason::kCancelled);
    return true;
  };
  std::erase_if(waiting_, cancelled);
  std::erase_if(running_, cancelled);
}

int64_t Scheduler::pages_at_most(const Sequence& sequence) const {
  if (cache_.page_count() == 0) return 0;
  const int64_t all = pages_for(sequence.limit);
  return spec_.widest_window() == 0 ? all : std::min(all, pages_for(ring_tokens(spec_, options_.prompt_chunk)));
}

int64_t Scheduler::pages_to_come(const Sequence& sequence) const {
  return std::max<int64_t>(0, pages_at_most(sequence) - sequence.pages->held());
}

// In order of arrival; a sequence starts when every page it may come to need is there, so that none has to be thrown
// out later.
void Scheduler::admit() {
  int64_t promised = 0;
  for (const auto& sequence : running_) promised += pages_to_come(*sequence);
  while (!waiting_.empty() && static_cast<int64_t>(running_.size()) < options_.max_sequences) {
    Sequence& next = *waiting_.front();
    const auto prompt = static_cast<int64_t>(next.tokens.size());
    const int64_t longest =
        options_.overflow == Overflow::kSinks ? std::numeric_limits<int64_t>::max() / 2 : options_.context;
    next.limit = next.request.max_tokens < 0 ? longest : std::min(longest, prompt + next.request.max_tokens);
    if (promised + pages_at_most(next) > cache_.available()) return;
    next.pages.emplace(cache_, spec_.widest_window(), spec_.streaming.sinks);
    next.state = states_.take();
    embed_patches(next);
    if (const auto root = root_of(next))  // the last token must be computed for its logits
      next.pages->adopt(cache_.find_prefix(next.tokens, (prompt - 1) / kPageTokens, *root));
    next.remembered = next.pages->count();
    next.computed = next.stats.cached_tokens = next.remembered * kPageTokens;
    next.stats.queue_seconds = seconds_since(next.started);
    restore_state(next);
    load_.prompt_tokens += prompt;
    load_.cached_tokens += next.stats.cached_tokens;
    next.pages->drop_behind(next.computed);
    promised += pages_to_come(next);
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void Scheduler::embed_patches(Sequence& sequence) {
  if (!sequence.request.patches || sequence.request.patches->positions.empty()) return;
  const ImagePatches& patches = *sequence.request.patches;
  sequence.patch_rows = forward_.embed_patches(patches.values);
  sequence.embeddings.assign(sequence.tokens.size(), nullptr);
  for (size_t i = 0; i < patches.positions.size(); ++i)
    sequence.embeddings[patches.positions[i]] = sequence.patch_rows.data() + i * spec_.hidden_size;
  sequence.request.patches.reset();
}

// Speculative decoding: guesses are computed together with the last token, and each that is what the sampler takes
// anyway saves a step. Not while a prompt is computed: then steps are bound by the products.
void Scheduler::draft() {
  for (const auto& sequence : running_) sequence->drafts.clear();
  if (!options_.lookup && !draft_model_) return;
  for (const auto& sequence : running_)
    if (sequence->computed + 1 < static_cast<int64_t>(sequence->tokens.size())) return;
  draft_tasks_.clear();
  for (const auto& sequence : running_) {
    const auto size = static_cast<int64_t>(sequence->tokens.size());
    const int64_t most = std::min(
        {most_drafts(static_cast<int64_t>(running_.size())), sequence->draft_length, sequence->limit - size - 1});
    if (most <= 0 || rests(*sequence)) continue;
    if (options_.lookup) draft_by_lookup(sequence->tokens, most);
    const bool found = static_cast<int64_t>(sequence->tokens.size()) > size;
    if (draft_model_ && !found) draft_tasks_.push_back({sequence->tokens, sequence->draft_memory, most});
  }
  if (!draft_tasks_.empty()) draft_model_->draft(draft_tasks_);
  for (const auto& sequence : running_)
    sequence->drafts.assign(sequence->tokens.begin() + sequence->computed + 1, sequence->tokens.end());
}

// What another sequence with the same beginning has computed since this one started.
void Scheduler::adopt_computed(Sequence& sequence) {
  const std::optional<uint64_t> root = root_of(sequence);
  if (!root || cache_.page_count() == 0 || sequence.state != nullptr) return;
  while (sequence.pages->count() * kPageTokens == sequence.computed &&
         sequence.computed + kPageTokens < sequence.stats.prompt_tokens) {
    const auto tokens = std::span(sequence.tokens).subspan(sequence.computed, kPageTokens);
    const PageId before = sequence.computed == 0 ? -1 : sequence.pages->ids().back();
    const PageId page = cache_.find_next(before, tokens, *root);
    if (page < 0) break;
    sequence.pages->adopt(page);
    ++sequence.remembered;
    sequence.computed += kPageTokens;
    sequence.stats.cached_tokens += kPageTokens;
    load_.cached_tokens += kPageTokens;
  }
  sequence.pages->drop_behind(sequence.computed);
}

// A sequence before it is filling the page that this one needs next: waiting for it is cheaper than computing it twice.
bool Scheduler::computed_by_another(const Sequence& sequence) const {
  const int64_t page = sequence.computed / kPageTokens, first = page * kPageTokens;
  if (sequence.computed != first || first + kPageTokens >= sequence.stats.prompt_tokens) return false;
  const std::optional<uint64_t> root = root_of(sequence);
  if (!root || sequence.state != nullptr) return false;
  const auto before = [page](const Sequence& one) { return page == 0 ? PageId{-1} : one.pages->ids()[page - 1]; };
  for (const auto& other : running_) {
    if (other.get() == &sequence) return false;
    const bool there = other->computed / kPageTokens == page && first + kPageTokens <= other->stats.prompt_tokens;
    if (there && before(*other) == before(sequence) && root_of(*other) == root &&
        std::equal(sequence.tokens.begin() + first, sequence.tokens.begin() + first + kPageTokens,
                   other->tokens.begin() + first))
      return true;
  }
  return false;
}

void Scheduler::gather() {
  segments_.clear();
  batch_.clear();
  bool answering = false;
  for (const auto& sequence : running_)
    answering |= sequence->computed + 1 == static_cast<int64_t>(sequence->tokens.size());
  int64_t budget = answering ? std::min(options_.prompt_chunk, kPromptBesideAnswers) : options_.prompt_chunk;
  for (const auto& sequence : running_) {
    const auto total = static_cast<int64_t>(sequence->tokens.size());
    sequence->batch_tokens = 0;
    if (rests(*sequence)) continue;
    if (total - sequence->computed > 1) {
      adopt_computed(*sequence);
      if (computed_by_another(*sequence)) continue;
    }
    const int64_t missing = total - sequence->computed;
    // A state can be kept only between two steps.
    const bool stops = sequence->state != nullptr && sequence->request.cache_prompt;
    sequence->batch_tokens = missing == 1 ? 1 : std::min(missing - (stops ? 1 : 0), budget);
    if (missing > 1) budget -= sequence->batch_tokens;
    if (sequence->batch_tokens == 0) continue;
    const int64_t end = sequence->computed + sequence->batch_tokens;
    sequence->pages->grow(end);
    segments_.push_back({.tokens = std::span(sequence->tokens).subspan(sequence->computed, sequence->batch_tokens),
                         .first_position = sequence->computed,
                         .length = total,
                         .pages = sequence->pages->ids(),
                         .embeddings = embeddings_of(*sequence),
                         .state = sequence->state,
                         .adapters = sequence->adapters.get(),
                         .all_logits = !sequence->drafts.empty(),
                         .last_logits = end == total});
    batch_.push_back(sequence.get());
  }
}

void Scheduler::sample() {
  Profile::Timer timer(forward_.profile(), Profile::kSample);
  pool_.run(static_cast<int64_t>(sampling_.size()), [&](int64_t i, int) { sample(*sampling_[i]); });
}

// Every token is drawn from what the model says after those before it, as without guesses; a guess only decides whether
// the next one's logits are there already. So answers are the same, token by token, whatever guesses.
void Scheduler::sample(Sequence& sequence) {
  const int32_t top = sequence.request.top_logprobs;
  const std::vector<TokenId>& drafts = sequence.drafts;
  sequence.sampled.clear();
  try {
    for (size_t i = 0; i <= drafts.size(); ++i) {
      Sequence::Sampled next;
      const std::span<float> logits = sequence.logits.subspan(i * spec_.vocab_size, spec_.vocab_size);
      next.token = sequence.sampler.sample(logits, std::max(top, 0), top >= 0 ? &next.logprobs : nullptr);
      sequence.sampled.push_back(std::move(next));
      const TokenId token = sequence.sampled.back().token;
      if (i == drafts.size() || token != drafts[i] || ends(sequence, token) || sequence.sampler.finished()) break;
    }
  } catch (const std::exception& error) {
    sequence.failure = error.what();
  }
}

bool Scheduler::ends(const Sequence& sequence, TokenId token) const {
  const std::vector<TokenId>& more = sequence.request.end_tokens;
  if (std::find(more.begin(), more.end(), token) != more.end()) return true;
  return !sequence.request.ignore_eos && tokenizer_.is_end_of_generation(token);
}

void Scheduler::hand_out(Sequence& sequence) {
  const auto drafted = static_cast<int64_t>(sequence.drafts.size());
  const int64_t accepted = std::max<int64_t>(0, static_cast<int64_t>(sequence.sampled.size()) - 1);
  sequence.stats.drafted_tokens += drafted;
  sequence.stats.accepted_tokens += accepted;
  if (drafted > 0) sequence.draft_length = std::clamp<int64_t>(2 * accepted, 1, kMostDrafts);
  for (const Sequence::Sampled& sampled : sequence.sampled) {
    hand_out(sequence, sampled);
    if (sequence.stream == nullptr) return;
  }
  if (!sequence.failure.empty()) return end(sequence, FinishReason::kError, sequence.failure);
  sequence.computed += accepted;  // all but the last
}

void Scheduler::hand_out(Sequence& sequence, const Sequence::Sampled& sampled) {
  if (sequence.stats.completion_tokens == 0) {
    sequence.first_token = Clock::now();
    sequence.stats.prompt_seconds = std::chrono::duration<double>(sequence.first_token - sequence.started).count();
  }
  const TokenId token = sampled.token;
  ++sequence.stats.completion_tokens;
  ++load_.completion_tokens;
  sequence.stats.decode_seconds = seconds_since(sequence.first_token);
  if (ends(sequence, token)) return end(sequence, FinishReason::kStop, "", token);
  sequence.tokens.push_back(token);
  sequence.stream->push(
      {.token = token, .text = sequence.stop.push(sequence.decoder.push(token)), .logprobs = sampled.logprobs});
  if (sequence.stop.stopped() || sequence.sampler.finished()) return end(sequence, FinishReason::kStop);
  if (static_cast<int64_t>(sequence.tokens.size()) >= sequence.limit) return end_at_limit(sequence);
  start_over_where_rotation_changes(sequence);
}

// The end of the context is an error unless it was asked for.
void Scheduler::end_at_limit(Sequence& sequence) {
  const int64_t prompt = sequence.stats.prompt_tokens, wanted = sequence.request.max_tokens;
  const int64_t answer = sequence.limit - prompt;
  if (options_.overflow != Overflow::kError || wanted < 0 || answer == wanted)
    return end(sequence, FinishReason::kLength);
  end(sequence, FinishReason::kError,
      fmt::format("a prompt of {} tokens and an answer of {} so far: the context of {} tokens is full{}", prompt,
                  answer, options_.context,
                  options_.context < spec_.context_length
                      ? fmt::format("; a context of up to {} is possible", spec_.context_length)
                      : ""));
}

void Scheduler::end(Sequence& sequence, FinishReason reason, const std::string& message, TokenId token) {
  if (reason != FinishReason::kError) keep_state(sequence);
  sequence.pages.reset();
  states_.release(std::exchange(sequence.state, nullptr));
  StreamEvent event{.finish = reason, .end_token = token, .error = message};
  if (!sequence.stop.stopped()) {
    event.text = sequence.stop.push(sequence.decoder.finish());
    event.text += sequence.stop.finish();
  }
  {
    std::lock_guard lock(sequence.stream->mutex);
    sequence.stream->stats = sequence.stats;
  }
  sequence.stream->push(std::move(event));
  sequence.stream = nullptr;
}

void Scheduler::end_all(const std::string& message) {
  const FinishReason reason = message.empty() ? FinishReason::kCancelled : FinishReason::kError;
  for (auto& sequence : running_) {
    if (sequence->stream) end(*sequence, reason, message);  // not those that ended in the step that failed
  }
  for (auto& sequence : waiting_) end(*sequence, reason, message);
  running_.clear();
  waiting_.clear();
  count();
}

}  // namespace orrery::text
