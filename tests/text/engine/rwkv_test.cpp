// RWKV in the engine: one recurrence, however its tokens are cut into steps.
#include <gtest/gtest.h>

#include <functional>

#include "orrery/text/engine/engine.h"
#include "tests/text/tiny_model.h"
#include "tests/text/tiny_rwkv.h"

namespace orrery::text {
namespace {

class RwkvEngineTest : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Engine> engine(const EngineOptions& options) const {
    return std::make_unique<Engine>(checkpoint_, options);
  }
  static Request request(const std::string& prompt) {
    Request r;
    r.prompt.assign(prompt.begin(), prompt.end());
    r.sampling.temperature = 0;
    r.max_tokens = 20;
    r.top_logprobs = 3;
    r.ignore_eos = true;
    return r;
  }
  /// Each token with its log-probabilities, to the bit.
  static std::vector<std::pair<TokenId, float>> answer(Stream stream) {
    std::vector<std::pair<TokenId, float>> all;
    for (StreamEvent event; stream.next(event);) {
      EXPECT_EQ(event.error, "");
      for (const TokenLogprob& logprob : event.logprobs) all.emplace_back(logprob.token, logprob.logprob);
    }
    EXPECT_EQ(all.size() % 20, 0u);
    EXPECT_FALSE(all.empty());
    return all;
  }
  static std::string long_prompt(int words) {
    std::string text;
    for (int i = 0; i < words; ++i) text += i % 3 == 0 ? "the dog " : i % 3 == 1 ? "and a cat " : "in the park ";
    return text;
  }

  TempFolder folder_;
  const std::shared_ptr<const Checkpoint> checkpoint_ =
      Checkpoint::open(write_tiny_rwkv(folder_.path(), GetParam()).string());
};

TEST_P(RwkvEngineTest, ManyAtOnceAnswerAsEachAlone) {
  const auto one = engine({.threads = 2, .max_sequences = 5});
  const std::vector<std::string> prompts = {"Once upon", "L", "The dog ran", long_prompt(40), "One", long_prompt(90)};
  std::vector<std::vector<std::pair<TokenId, float>>> alone;
  for (const auto& prompt : prompts) alone.push_back(answer(one->submit(request(prompt))));
  std::vector<Stream> streams;
  for (const auto& prompt : prompts) streams.push_back(one->submit(request(prompt)));
  for (size_t i = 0; i < prompts.size(); ++i) EXPECT_EQ(answer(std::move(streams[i])), alone[i]) << prompts[i];
}

TEST_P(RwkvEngineTest, ResultsDoNotDependOnThreadsNorOnThePromptsPieces) {
  const Request r = request(long_prompt(60));
  ASSERT_GT(r.prompt.size(), 512u) << "more than one piece";
  const auto whole = answer(engine({.threads = 1, .prompt_chunk = 1024})->submit(r));
  EXPECT_EQ(answer(engine({.threads = 2})->submit(r)), whole);
  EXPECT_EQ(answer(engine({.threads = 3, .prompt_chunk = 16})->submit(r)), whole);
}

TEST_P(RwkvEngineTest, MemoryIsTheSameAtAnyLength) {
  const auto near = engine({.context = 64}), far = engine({.context = 1'000'000});
  EXPECT_EQ(near->kv_bytes(), far->kv_bytes());
  EXPECT_GT(near->kv_bytes(), 0);
}

INSTANTIATE_TEST_SUITE_P(All, RwkvEngineTest, testing::Values("rwkv4", "rwkv5", "rwkv7"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace orrery::text
