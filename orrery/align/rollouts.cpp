#include "orrery/align/rollouts.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/base/random.h"
#include "orrery/text/engine/engine.h"

namespace orrery::align {

namespace {

constexpr int kAtOnce = 64;  // sequences: their weights are read once for all of them

text::Request request_of(const std::vector<text::TokenId>& prompt, const RolloutOptions& options, uint64_t seed) {
  text::Request request{.prompt = prompt};
  // The distribution itself: nothing of it is cut off, or the loss would be of another policy.
  request.sampling = {.temperature = static_cast<float>(options.temperature), .top_k = 0, .top_p = 1, .min_p = 0};
  request.sampling.seed = seed;
  request.max_tokens = options.response_length;
  return request;
}

Rollout rollout_of(text::Stream stream) {
  Rollout rollout;
  text::StreamEvent event;
  while (stream.next(event)) {
    if (event.token >= 0) rollout.tokens.push_back(event.token);
    if (event.finish == text::FinishReason::kError) throw Error({.doing = "draw answers", .found = event.error});
    rollout.ended = event.finish == text::FinishReason::kStop;
    if (event.end_token >= 0) rollout.tokens.push_back(event.end_token);
  }
  return rollout;
}

}  // namespace

std::vector<Rollout> draw_answers(std::shared_ptr<const text::Checkpoint> policy,
                                  std::span<const std::vector<text::TokenId>> prompts, const RolloutOptions& options,
                                  int threads, uint64_t seed) {
  size_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
  const auto count = static_cast<int64_t>(prompts.size()) * options.num_generations;
  text::Engine engine(std::move(policy), {.threads = threads,
                                          .context = static_cast<int64_t>(longest) + options.response_length + 1,
                                          .max_sequences = static_cast<int>(std::min<int64_t>(count, kAtOnce))});
  std::vector<text::Stream> streams;
  for (size_t i = 0; i < prompts.size(); ++i) {
    for (int64_t k = 0; k < options.num_generations; ++k) {
      RandomStream stream(seed, fmt::format("answer {} to prompt {}", k, i));
      streams.push_back(engine.submit(request_of(prompts[i], options, stream())));
    }
  }
  std::vector<Rollout> rollouts;
  for (text::Stream& stream : streams) rollouts.push_back(rollout_of(std::move(stream)));
  return rollouts;
}

}  // namespace orrery::align
