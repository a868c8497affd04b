// Attention sinks and Self-Extend against the plain-loop forward, in which every pair of tokens is rotated by itself.
#include <gtest/gtest.h>

#include "orrery/text/engine/engine.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_reference_llama.h"

namespace orrery::text::golden {
namespace {

constexpr int64_t kTokens = 300;

std::shared_ptr<const Checkpoint> model() {
  return Checkpoint::open(ORRERY_SOURCE_DIR "/tests/fixtures/golden/text/smollm");
}

std::vector<int32_t> some_tokens() {
  std::vector<int32_t> tokens(kTokens);
  for (int64_t i = 0; i < kTokens; ++i) tokens[i] = static_cast<int32_t>((i * i + 13 * i) % 251);
  return tokens;
}

void expect_engine_as_reference(const EngineOptions& options, const PairPositions& pair_positions) {
  const auto checkpoint = model();
  const std::vector<int32_t> tokens = some_tokens();
  const ReferenceOutput reference = run_reference_llama(*checkpoint, tokens, pair_positions);
  Engine engine(checkpoint, options);
  std::vector<float> logits;
  engine.score(tokens,
               [&](int64_t, std::span<const float> row) { logits.insert(logits.end(), row.begin(), row.end()); });
  expect_close(logits, reference.logits, kTolerance, "logits");
}

}  // namespace

// Xiao et al. 2023, sec. 3.2: the cache holds the first 4 tokens and the newest; positions are those within the cache.
TEST(StreamingLlm, SeesTheCacheAsIfNothingStoodBetween) {
  constexpr int64_t kCache = 100;
  const auto cached = [](int64_t query, int64_t key) -> std::optional<std::pair<int64_t, int64_t>> {
    const int64_t evicted = std::max<int64_t>(0, query + 1 - kCache);  // from token 4 on
    if (key < 4) return std::pair(query - evicted, key);
    if (key < 4 + evicted) return std::nullopt;
    return std::pair(query - evicted, key - evicted);
  };
  expect_engine_as_reference({.context = kCache, .exact = true, .prompt_chunk = 64, .overflow = Overflow::kSinks},
                             cached);
}

// Jin et al. 2024, algorithm 1.
TEST(SelfExtend, DistantPositionsStandInGroups) {
  for (const int64_t window : {64, 90}) {
    constexpr int64_t kGroup = 4;
    const auto grouped = [window](int64_t query, int64_t key) -> std::optional<std::pair<int64_t, int64_t>> {
      if (query - key < window) return std::pair(query, key);
      return std::pair(query / kGroup + window - window / kGroup, key / kGroup);
    };
    expect_engine_as_reference({.exact = true, .self_extend = kGroup, .self_extend_window = window}, grouped);
  }
}

}  // namespace orrery::text::golden
