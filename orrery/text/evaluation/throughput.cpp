#include "orrery/text/evaluation/throughput.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "orrery/base/error.h"
#include "orrery/base/random.h"

namespace orrery::text {
namespace {

using Clock = std::chrono::steady_clock;

double seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

void check(const Engine& engine, const ThroughputOptions& options) {
  const auto refuse = [](std::string found, std::string expected) {
    return Error({.doing = "measure throughput", .found = std::move(found), .expected = std::move(expected)});
  };
  if (options.sequences < 1 || options.sequences > engine.options().max_sequences)
    throw refuse(fmt::format("{} sequences", options.sequences),
                 fmt::format("1 to {}", engine.options().max_sequences));
  if (options.repetitions < 1) throw refuse(fmt::format("{} repetitions", options.repetitions), "at least 1");
  const int64_t longest = tokens_needed(options);
  const bool endless = engine.options().overflow == Overflow::kSinks;
  if (std::min({options.prompt, options.decode, options.depth}) < 0 || (!endless && longest > engine.options().context))
    throw refuse(fmt::format("{} tokens in a sequence", longest),
                 fmt::format("0 to the context's {}", engine.options().context));
}

// What one sequence did: when each token came.
struct Timeline {
  std::vector<Clock::time_point> tokens;
  RequestStats stats;
};

class Measurement {
 public:
  Measurement(Engine& engine, const ThroughputOptions& options)
      : engine_(engine), options_(options), random_(0, "throughput") {}

  // Tokens per second of prompts behind `depth` known tokens.
  double prompt() {
    std::vector<std::vector<TokenId>> prompts = random_prompts(options_.depth);
    if (options_.depth > 0) answer(prompts, 1);  // puts the first tokens into the cache
    for (auto& tokens : prompts) append_random(tokens, options_.prompt);
    const auto start = Clock::now();
    const std::vector<Timeline> timelines = answer(prompts, 1);
    int64_t computed = 0;
    auto end = start;
    for (const Timeline& timeline : timelines) {
      computed += timeline.stats.prompt_tokens - timeline.stats.cached_tokens;
      end = std::max(end, timeline.tokens.front());
    }
    return static_cast<double>(computed) / seconds(end - start);
  }

  // Seconds per token of the prompt's first chunk and of its last, which follows the rest in the cache.
  std::pair<double, double> prompt_ends() {
    const int64_t chunk = engine_.options().prompt_chunk;
    if (options_.prompt < 3 * chunk) return {0, 0};
    std::vector<TokenId> tokens;
    append_random(tokens, options_.depth + options_.prompt);
    const auto seconds_per_token = [&](int64_t length) -> std::pair<double, int64_t> {
      const auto start = Clock::now();
      const Timeline timeline = answer({{tokens.begin(), tokens.begin() + length}}, 1).front();
      const int64_t computed = timeline.stats.prompt_tokens - timeline.stats.cached_tokens;
      return {seconds(timeline.tokens.front() - start) / static_cast<double>(computed), computed};
    };
    const double first = seconds_per_token(chunk).first;
    seconds_per_token(static_cast<int64_t>(tokens.size()) - chunk);
    const auto [last, computed] = seconds_per_token(static_cast<int64_t>(tokens.size()));
    return computed <= 2 * chunk ? std::pair(first, last) : std::pair(0.0, 0.0);
  }

  int64_t drafted = 0, accepted = 0;

  // Tokens per second while all sequences are being decoded.
  double decode() {
    if (behind_.empty() || options_.depth == 0) behind_ = random_prompts(std::max<int64_t>(options_.depth, 1));
    const std::vector<Timeline> timelines = answer(behind_, options_.decode + 1);
    const auto first_token = [](const Timeline& timeline) { return timeline.tokens.front(); };
    const auto last_token = [](const Timeline& timeline) { return timeline.tokens.back(); };
    auto start = first_token(*std::ranges::max_element(timelines, {}, first_token));
    auto end = last_token(*std::ranges::min_element(timelines, {}, last_token));
    if (start >= end) {  // answers so short that one ends before another begins: from the very first token to the last
      start = first_token(*std::ranges::min_element(timelines, {}, first_token));
      end = last_token(*std::ranges::max_element(timelines, {}, last_token));
    }
    for (const Timeline& timeline : timelines) {
      drafted += timeline.stats.drafted_tokens;
      accepted += timeline.stats.accepted_tokens;
    }
    int64_t decoded = 0;
    for (const Timeline& timeline : timelines)
      decoded +=
          std::ranges::count_if(timeline.tokens, [&](Clock::time_point time) { return time > start && time <= end; });
    return static_cast<double>(decoded) / seconds(end - start);
  }

 private:
  void append_random(std::vector<TokenId>& tokens, int64_t count) {
    const int64_t vocab = engine_.checkpoint().spec().vocab_size;
    for (int64_t i = 0; i < count; ++i)
      tokens.push_back(static_cast<TokenId>(random_.uniform() * static_cast<double>(vocab)));
  }

  std::vector<std::vector<TokenId>> random_prompts(int64_t length) {
    std::vector<std::vector<TokenId>> prompts(static_cast<size_t>(options_.sequences));
    for (auto& tokens : prompts) append_random(tokens, length);
    return prompts;
  }

  std::vector<Timeline> answer(const std::vector<std::vector<TokenId>>& prompts, int64_t max_tokens) {
    std::vector<Stream> streams;
    for (const auto& prompt : prompts)
      streams.push_back(engine_.submit({.prompt = prompt,
                                        .sampling = {.temperature = 0},
                                        .max_tokens = max_tokens,
                                        .ignore_eos = true,
                                        .cache_prompt = options_.depth > 0}));
    std::vector<Timeline> timelines(streams.size());
    std::vector<std::string> errors(streams.size());
    std::vector<std::thread> readers;
    const auto read = [&](size_t i) {
      timelines[i].tokens.reserve(static_cast<size_t>(max_tokens));
      StreamEvent event;
      while (streams[i].next(event)) {
        if (event.token >= 0) timelines[i].tokens.push_back(Clock::now());
        if (event.finish == FinishReason::kError) errors[i] = event.error;
      }
      timelines[i].stats = streams[i].stats();
    };
    for (size_t i = 1; i < streams.size(); ++i) readers.emplace_back(read, i);
    read(0);
    for (std::thread& reader : readers) reader.join();
    for (size_t i = 0; i < streams.size(); ++i)
      if (timelines[i].tokens.empty())
        throw Error(
            {.doing = "measure throughput", .found = errors[i].empty() ? "an answer without a token" : errors[i]});
    return timelines;
  }

  Engine& engine_;
  ThroughputOptions options_;
  RandomStream random_;
  std::vector<std::vector<TokenId>> behind_;  // what answers begin behind: the cache has it after the first one
};

}  // namespace

int64_t tokens_needed(const ThroughputOptions& options) {
  return std::max(options.depth + options.prompt, std::max<int64_t>(options.depth, 1) + options.decode) + 1;
}

Throughput measure_throughput(Engine& engine, const ThroughputOptions& options,
                              const std::function<void(int64_t, int64_t)>& progress) {
  check(engine, options);
  Measurement measurement(engine, options);
  Throughput result;
  const int64_t all = (1 + options.repetitions) * ((options.prompt > 0) + (options.decode > 0));
  int64_t done = 0;
  const auto measure = [&](double (Measurement::*once)(), std::vector<double>& rates, auto& profile) {
    for (int i = -1; i < options.repetitions; ++i) {
      if (i == 0) engine.reset_profile();
      const double rate = (measurement.*once)();
      if (i >= 0) rates.push_back(rate);
      if (progress) progress(++done, all);
    }
    profile = engine.profile();
  };
  if (options.prompt > 0) {
    measure(&Measurement::prompt, result.prompt, result.prompt_profile);
    std::tie(result.prompt_first, result.prompt_last) = measurement.prompt_ends();
  }
  if (options.decode > 0) measure(&Measurement::decode, result.decode, result.decode_profile);
  result.drafted = measurement.drafted;
  result.accepted = measurement.accepted;
  return result;
}

std::pair<double, double> mean_and_deviation(const std::vector<double>& values) {
  if (values.empty()) return {0, 0};
  double sum = 0, squares = 0;
  for (double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / static_cast<double>(values.size() - 1)) : 0};
}

}  // namespace orrery::text
