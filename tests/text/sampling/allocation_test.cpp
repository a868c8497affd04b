#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <random>

#include "orrery/text/sampling/sampler.h"
#include "tests/sanitized.h"
#include "tests/text/sampling/grammar_helpers.h"

namespace orrery::text {

namespace {

// Bytes handed out by the allocator and not yet returned. What a token takes and gives back is not seen, so the check
// is that nothing grows; the vectors that could are kept between tokens.
size_t bytes_in_use() { return mallinfo2().uordblks; }

}  // namespace

TEST(Sampler, HoldsNoMoreMemoryAfterWarmUp) {
  if (kSanitized) GTEST_SKIP() << "the sanitizer's allocator does not report its use";
  const ToyTokenizer tokenizer;
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> base(tokenizer.size()), logits(tokenizer.size());
  for (float& x : base) x = normal(random);
  const std::vector<SamplingOptions> all = {
      {.seed = 1},
      {.temperature = 0, .seed = 1},
      {.top_k = 0, .typical_p = 0.9f, .seed = 1},
      {.repeat_penalty = 1.2f, .dry_multiplier = 0.8f, .seed = 1},
      {.mirostat = 2, .seed = 1},
  };
  for (const auto& options : all) {
    Sampler sampler(options, tokenizer);
    std::vector<TokenLogprob> logprobs;
    const auto run = [&](int tokens) {
      for (int i = 0; i < tokens; ++i) {
        logits = base;
        sampler.sample(logits, 5, &logprobs);
      }
    };
    run(500);
    const size_t before = bytes_in_use();
    run(2000);
    EXPECT_EQ(bytes_in_use(), before);
  }
}

}  // namespace orrery::text
