#include "orrery/text/engine/engine.h"

#include <fmt/format.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <future>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

#include "orrery/base/error.h"
#include "orrery/kernels/isa.h"
#include "orrery/text/adapters/adapter.h"
#include "orrery/text/engine/adapters/adapter_shelf.h"
#include "orrery/text/engine/context_options.h"
#include "orrery/text/engine/prompt_cache.h"
#include "orrery/text/engine/scheduler.h"

namespace orrery::text {
namespace {

using kernels::kPageTokens;

constexpr std::chrono::milliseconds kRest{5};  // when all readers are behind
constexpr int64_t kScoreTokens = 128;          // of one step of score(): its logits take 128 rows of the vocabulary

[[noreturn]] void refuse(const std::string& where, const std::string& found, const std::string& expected,
                         const std::string& advice = "") {
  throw Error({.doing = "answer a request", .where = where, .found = found, .expected = expected, .advice = advice});
}

// Tokens that a sequence may come to hold in the cache.
int64_t held_tokens(const EngineOptions& options, const DecoderSpec& spec) {
  if (spec.mixer != MixerKind::kAttention) return 0;
  if (spec.widest_window() == 0) return options.context;
  const int64_t ring = ring_tokens(spec, options.prompt_chunk);
  return spec.streaming.window > 0 ? ring : std::min(options.context, ring);
}

kernels::KvFormat cache_format(const EngineOptions& options, const DecoderSpec& spec) {
  return {options.kv_dtype, spec.kv_heads, spec.head_dim, spec.self_extend.group > 1 ? 2 : 1};
}

EngineOptions resolve(EngineOptions options, const DecoderSpec& spec) {
  const auto check = [](bool fine, const char* name, auto found, const std::string& expected) {
    if (!fine)
      throw Error({.doing = "start the engine",
                   .where = fmt::format("option {}", name),
                   .found = fmt::format("{}", found),
                   .expected = expected});
  };
  check(options.threads >= 0 && options.threads <= 1024, "threads", options.threads, "0 (all cores) to 1024");
  check(options.max_sequences >= 1, "max_sequences", options.max_sequences, "1 or more");
  check(options.prompt_chunk >= 16, "prompt_chunk", options.prompt_chunk, "16 or more");
  check(options.context >= 0, "context", options.context, "0 (the model's) or more");
  const int64_t longest = spec.constant_memory() ? std::numeric_limits<int32_t>::max() : spec.context_length;
  if (options.context > longest)
    throw Error({.doing = "start the engine",
                 .where = "option context",
                 .found = fmt::format("{}", options.context),
                 .expected = fmt::format("at most the model's {} tokens", longest),
                 .advice = spec.rope.dim > 0 ? "a rotary scaling reaches further: --rope-scaling yarn" : ""});
  if ((options.lookup || !options.draft.empty()) && spec.mixer != MixerKind::kAttention)
    throw Error({.doing = "start the engine",
                 .where = options.lookup ? "option lookup" : "option draft",
                 .found = fmt::format("a model of the family {}, whose state cannot take back a guess", spec.family),
                 .expected = "a model with attention"});
  const bool moves = spec.rope.by_length() || spec.streaming.window > 0 || spec.self_extend.group > 1;
  if ((options.lookup || !options.draft.empty()) && moves)
    throw Error({.doing = "start the engine",
                 .where = options.lookup ? "option lookup" : "option draft",
                 .found = "rotary scaling by length, attention sinks or Self-Extend beside it",
                 .expected = "none of them: guesses are not known to leave their answers alone"});
  if (options.threads == 0) options.threads = available_cores();
  if (options.context == 0) options.context = default_context(spec, options);
  if (options.exact) options.kv_dtype = DType::kF32;
  check(kernels::is_page_type(options.kv_dtype), "kv_dtype", name(options.kv_dtype), "f32, f16, q8_0 or q4_0");
  check(!kernels::KvFormat{options.kv_dtype}.has_scales() || spec.head_dim % 32 == 0, "kv_dtype",
        name(options.kv_dtype), fmt::format("f32 or f16: heads of {} dimensions are no multiple of 32", spec.head_dim));
  const int64_t held = held_tokens(options, spec);
  if (held == 0) options.kv_tokens = 0;
  if (options.kv_tokens == 0 && held > 0) {
    const kernels::KvFormat format = cache_format(options, spec);
    const int64_t page_bytes = format.page_bytes() * spec.layers;
    const int64_t memory = static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
    const int64_t least = (held + kPageTokens - 1) / kPageTokens, wanted = least * options.max_sequences;
    options.kv_tokens = std::max(least, std::min(wanted, memory / 4 / page_bytes)) * kPageTokens;
  }
  check(options.kv_tokens >= held, "kv_tokens", options.kv_tokens,
        fmt::format("at least what one sequence may hold, {}", held));
  return options;
}

}  // namespace

void check_options(const DecoderSpec& spec, const EngineOptions& options) {
  resolve(options, with_context_options(spec, options));
}

struct Engine::Impl {
  Impl(std::shared_ptr<const Checkpoint> c, const EngineOptions& o, const Progress& progress)
      : checkpoint(std::move(c)),
        spec(with_context_options(checkpoint->spec(), o)),
        options(resolve(o, spec)),
        pool(options.threads),
        cache(cache_format(options, spec), spec.layers, (options.kv_tokens + kPageTokens - 1) / kPageTokens),
        forward(*checkpoint, spec, cache, pool, options.prompt_chunk + options.max_sequences, options.context,
                {.exact = options.exact, .mapped = options.mapped}, progress),
        states(forward.state_bytes(), options.max_sequences + 1),
        kept_states(2 * static_cast<size_t>(options.max_sequences)) {  // a prompt's and its answer's
    if (checkpoint->has_tokenizer())
      scheduler.emplace(options, spec, *checkpoint, cache, states, kept_states, forward, pool);
    thread = std::thread([this] { work(); });
  }

  ~Impl() {
    {
      std::lock_guard lock(mutex);
      stop = true;
    }
    wake.notify_all();
    thread.join();
  }

  void work() {
    bool resting = false;
    for (;;) {
      std::function<void()> job;
      bool admits = true;
      std::vector<std::promise<void>*> ends;
      {
        std::unique_lock lock(mutex);
        if (resting) wake.wait_for(lock, kRest);
        wake.wait(lock, [this] {
          return stop || !cancels.empty() || !jobs.empty() || !arrived.empty() || (scheduler && !scheduler->idle());
        });
        if (stop) break;
        ends.swap(cancels);
        for (auto& sequence : arrived) scheduler->add(std::move(sequence));
        arrived.clear();
        if (!jobs.empty() && ends.empty() && !(scheduler && scheduler->running())) {
          job = std::move(jobs.front());
          jobs.pop_front();
        }
        admits = jobs.empty();  // those who wait for the engine alone get it
      }
      if (!ends.empty()) {
        if (scheduler) scheduler->end_all("");
        for (std::promise<void>* done : ends) done->set_value();
        continue;
      }
      if (job) {
        job();
        continue;
      }
      try {
        resting = !scheduler->step(admits);
      } catch (const std::exception& error) {
        scheduler->end_all(error.what());
      }
    }
    std::lock_guard lock(mutex);
    for (auto& sequence : arrived) scheduler->add(std::move(sequence));
    if (scheduler) scheduler->end_all("");
  }

  // Runs job on the engine's thread while no request is running, and waits for it.
  void run_alone(const std::function<void()>& job) {
    std::promise<void> done;
    std::exception_ptr failure;
    {
      std::lock_guard lock(mutex);
      jobs.push_back([&] {
        try {
          job();
        } catch (...) {
          failure = std::current_exception();
        }
        done.set_value();  // behind the catch: this thread holds the exception no longer
      });
    }
    wake.notify_one();
    done.get_future().get();
    if (failure) std::rethrow_exception(std::exchange(failure, nullptr));
  }

  void load_adapter(const std::string& name, const Adapter& adapter) {
    auto packed = forward.pack(bind(adapter, spec));
    std::lock_guard lock(mutex);
    adapters.add(name, std::move(packed));
  }

  std::shared_ptr<const AdapterSet> set_of(std::span<const AdapterUse> uses) {
    std::lock_guard lock(mutex);
    return adapters.set_of(uses);
  }

  enum class Output { kHead, kValue, kHidden };

  void score(std::span<const TokenId> tokens, const ImagePatches& patches, const AdapterSet* set, Output output,
             const Sink& sink) {
    const int64_t outputs = output == Output::kValue    ? 1
                            : output == Output::kHidden ? spec.hidden_size
                                                        : spec.outputs();
    const std::vector<float> patch_rows = forward.embed_patches(patches.values);
    std::vector<const float*> embeddings(tokens.size(), nullptr);
    for (size_t i = 0; i < patches.positions.size(); ++i)
      embeddings[patches.positions[i]] = patch_rows.data() + i * spec.hidden_size;
    SequencePages pages(cache, spec.widest_window(), spec.streaming.sinks);
    struct Release {
      StateStore& states;
      std::byte* state;
      ~Release() { states.release(state); }
    } lent{states, states.take()};
    const int64_t at_once = std::min(kScoreTokens, forward.max_tokens());
    for (size_t first = 0; first < tokens.size(); first += at_once) {
      pages.grow(static_cast<int64_t>(std::min(first + at_once, tokens.size())));
      const size_t count = std::min<size_t>(at_once, tokens.size() - first);
      const Segment segment{.tokens = tokens.subspan(first, count),
                            .first_position = static_cast<int64_t>(first),
                            .length = static_cast<int64_t>(tokens.size()),
                            .pages = pages.ids(),
                            .embeddings = std::span(embeddings).subspan(first, count),
                            .state = lent.state,
                            .adapters = set,
                            .all_logits = true};
      std::span<float> rows = output == Output::kHidden ? forward.hidden({&segment, 1}) : forward.step({&segment, 1});
      if (output == Output::kValue) rows = forward.values();
      for (size_t i = 0; i < count; ++i) sink(static_cast<int64_t>(first + i), rows.subspan(i * outputs, outputs));
      pages.drop_behind(static_cast<int64_t>(first + count));
    }
  }

  PromptFingerprint fingerprint() const { return prompt_fingerprint(*checkpoint, spec, cache.format(), options.exact); }

  int64_t save_prompt(const std::filesystem::path& file, std::span<const TokenId> tokens) {
    StoredPrompt prompt;
    if (const StateCache::Entry* entry = kept_states.find_prefix(tokens)) {
      prompt.tokens = entry->tokens;
      prompt.state = entry->state;
    }
    const auto root = page_root(spec, static_cast<int64_t>(tokens.size()));
    SequencePages pages(cache, 0);  // lets them go
    if (root) pages.adopt(cache.find_prefix(tokens, static_cast<int64_t>(tokens.size()), *root));
    for (PageId page : pages.ids()) prompt.pages.emplace_back(cache.page(page), cache.page_bytes());
    if (pages.count() > 0) prompt.tokens.assign(tokens.begin(), tokens.begin() + pages.count() * kPageTokens);
    prompt.root = root.value_or(0);
    write_prompt_cache(file, fingerprint(), prompt);
    return static_cast<int64_t>(prompt.tokens.size());
  }

  int64_t load_prompt(const std::filesystem::path& path) {
    const auto file = formats::SafetensorsFile::open(path);
    const PromptLayout layout{.page_bytes = spec.mixer == MixerKind::kAttention ? cache.page_bytes() : 0,
                              .state_bytes = [this](int64_t tokens) { return state_bytes(spec, tokens); }};
    const StoredPrompt prompt = read_prompt_cache(file, path.string(), fingerprint(), layout);
    if (!prompt.state.empty()) {
      kept_states.keep(prompt.tokens, prompt.state);
      return static_cast<int64_t>(prompt.tokens.size());
    }
    return load_pages(prompt) * kPageTokens;
  }

  int64_t load_pages(const StoredPrompt& prompt) {
    SequencePages pages(cache, 0);
    const auto most = std::min(static_cast<int64_t>(prompt.pages.size()), cache.available());
    for (int64_t i = 0; i < most; ++i) {
      pages.grow((i + 1) * kPageTokens);
      std::memcpy(cache.page(pages.ids()[i]), prompt.pages[i].data(), prompt.pages[i].size());
      cache.remember(pages.ids()[i], i == 0 ? -1 : pages.ids()[i - 1],
                     std::span(prompt.tokens).subspan(i * kPageTokens, kPageTokens), prompt.root);
    }
    return most;
  }

  void check_tokens(std::span<const TokenId> tokens, int64_t room) const {
    if (tokens.empty()) refuse("prompt", "no token", "one at least", "give a prompt");
    const auto size = static_cast<int64_t>(tokens.size());
    if (size > room && options.overflow != Overflow::kSinks) {
      refuse("prompt", fmt::format("{} tokens", size),
             fmt::format("at most {} in a context of {}", room, options.context),
             options.context < spec.context_length
                 ? fmt::format("ask for a longer context (this model has {})", spec.context_length)
                 : "shorten the prompt, or reach further with a rotary scaling (--rope-scaling yarn)");
    }
    for (TokenId token : tokens) {
      if (token < 0 || token >= spec.vocab_size) {
        refuse("prompt", fmt::format("token {}", token), fmt::format("0 to {}", spec.vocab_size - 1));
      }
    }
  }

  void check_patches(const ImagePatches& patches, std::span<const TokenId> tokens) const {
    const size_t count = patches.positions.size();
    if (count == 0 && patches.values.empty()) return;
    if (spec.patches.size == 0) refuse("patches", "a picture", "text: this model sees no pictures");
    const size_t wanted = count * static_cast<size_t>(spec.patches.values());
    if (patches.values.size() != wanted)
      refuse("patches", fmt::format("{} values", patches.values.size()),
             fmt::format("{} for {} patches", wanted, count));
    int64_t before = -1;
    for (int64_t position : patches.positions) {
      if (position <= before || position >= static_cast<int64_t>(tokens.size()))
        refuse("patches", fmt::format("position {} after {}", position, before),
               fmt::format("ascending positions in a prompt of {}", tokens.size()));
      if (tokens[position] != spec.patches.image_token)
        refuse("patches", fmt::format("token {} at position {}", tokens[position], position),
               fmt::format("the image token, {}", spec.patches.image_token));
      before = position;
    }
  }

  std::shared_ptr<const Checkpoint> checkpoint;
  const DecoderSpec spec;
  EngineOptions options;
  ThreadPool pool;
  KvCache cache;
  Forward forward;
  StateStore states;
  StateCache kept_states;
  std::optional<Scheduler> scheduler;

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::unique_ptr<Sequence>> arrived;  // guarded by mutex, as are the rest
  AdapterShelf adapters;
  std::deque<std::function<void()>> jobs;
  std::vector<std::promise<void>*> cancels;
  bool stop = false;
  std::thread thread;
};

Engine::Engine(std::shared_ptr<const Checkpoint> checkpoint, const EngineOptions& options, const Progress& progress)
    : impl_(std::make_unique<Impl>(std::move(checkpoint), options, progress)) {}

Engine::~Engine() = default;

Stream Engine::submit(Request request) {
  impl_->check_tokens(request.prompt, impl_->options.context - 1);
  if (impl_->spec.labels > 0)
    refuse("model", fmt::format("a head of {} scores", impl_->spec.labels), "a language model's head");
  if (request.patches) impl_->check_patches(*request.patches, request.prompt);
  if (request.max_tokens == 0) refuse("max_tokens", "0", "1 or more, or -1 for no limit");
  Stream stream;
  stream.state_ = std::make_shared<Stream::State>();
  stream.state_->on_event = std::move(request.on_event);
  auto adapters = impl_->set_of(request.adapters);
  auto sequence = std::make_unique<Sequence>(std::move(request), std::move(adapters), stream.state_,
                                             impl_->checkpoint->tokenizer());
  {
    std::lock_guard lock(impl_->mutex);
    impl_->arrived.push_back(std::move(sequence));
  }
  impl_->wake.notify_one();
  return stream;
}

void Engine::cancel_all() {
  std::promise<void> done;
  {
    std::lock_guard lock(impl_->mutex);
    impl_->cancels.push_back(&done);
  }
  impl_->wake.notify_one();
  done.get_future().get();
}

void Engine::load_adapter(const std::string& name, const Adapter& adapter) {
  impl_->run_alone([&] { impl_->load_adapter(name, adapter); });
}

void Engine::score(std::span<const TokenId> tokens, const Sink& sink, const ImagePatches& patches,
                   std::span<const AdapterUse> adapters) {
  impl_->check_tokens(tokens, impl_->options.context);
  impl_->check_patches(patches, tokens);
  const auto set = impl_->set_of(adapters);
  impl_->run_alone([&] { impl_->score(tokens, patches, set.get(), Impl::Output::kHead, sink); });
}

void Engine::values(std::span<const TokenId> tokens, const Sink& sink) {
  impl_->check_tokens(tokens, impl_->options.context);
  if (!impl_->spec.value_head) refuse("model", "no value head", "v_head.summary.weight in its checkpoint");
  impl_->run_alone([&] { impl_->score(tokens, {}, nullptr, Impl::Output::kValue, sink); });
}

void Engine::hidden(std::span<const TokenId> tokens, const Sink& sink) {
  impl_->check_tokens(tokens, impl_->options.context);
  impl_->run_alone([&] { impl_->score(tokens, {}, nullptr, Impl::Output::kHidden, sink); });
}

int64_t Engine::save_prompt(const std::filesystem::path& file, std::span<const TokenId> tokens) {
  int64_t saved = 0;
  impl_->run_alone([&] { saved = impl_->save_prompt(file, tokens); });
  return saved;
}

int64_t Engine::load_prompt(const std::filesystem::path& file) {
  int64_t loaded = 0;
  impl_->run_alone([&] { loaded = impl_->load_prompt(file); });
  return loaded;
}

const Checkpoint& Engine::checkpoint() const { return *impl_->checkpoint; }
const EngineOptions& Engine::options() const { return impl_->options; }
const DecoderSpec& Engine::spec() const { return impl_->spec; }
int64_t Engine::weight_bytes() const { return impl_->forward.weight_bytes(); }
int64_t Engine::kv_bytes() const { return impl_->cache.bytes() + impl_->states.bytes(); }

EngineLoad Engine::load() const {
  EngineLoad load;
  if (impl_->scheduler) load = impl_->scheduler->load();
  std::lock_guard lock(impl_->mutex);
  load.waiting += static_cast<int64_t>(impl_->arrived.size());
  return load;
}

int64_t Engine::sequence_bytes() const {
  const int64_t pages = (held_tokens(impl_->options, impl_->spec) + kPageTokens - 1) / kPageTokens;
  return pages * impl_->cache.page_bytes() + impl_->forward.state_bytes();
}

std::vector<std::pair<std::string, double>> Engine::profile() const {
  std::vector<std::pair<std::string, double>> list;
  impl_->run_alone([&] { list = impl_->forward.profile().list(); });
  return list;
}

void Engine::reset_profile() {
  impl_->run_alone([this] { impl_->forward.profile().reset(); });
}

int64_t Engine::bytes_per_token() const { return impl_->forward.weight_bytes(); }

std::string Engine::isa() {
  return kernels::isa() == kernels::Isa::kAvx512 ? "avx512-vnni" : std::string(kernels::name(kernels::isa()));
}

}  // namespace orrery::text
