// The engine on a real, trained, tiny model.
#include <bit>
#include <cmath>
#include <cstring>

#include "orrery/base/error.h"
#include "tests/text/engine/stories.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {
namespace {

TEST_F(EngineTest, ManyAtOnceAnswerAsEachAlone) {
  EngineOptions options{.threads = 2, .max_sequences = 5};
  const std::vector<std::string> prompts = {"Once upon a time", "Lily", "The dog ran",   long_prompt(40),
                                            "One day",          "Tom",  long_prompt(60), "A"};
  Engine engine(stories(), options);
  std::vector<Answer> alone;
  for (const auto& prompt : prompts) alone.push_back(answer(engine.submit(request(prompt))));
  for (DType kv : {DType::kF16, DType::kF32}) {
    options.kv_dtype = kv;
    Engine batch(stories(), options);
    std::vector<Stream> streams;
    for (const auto& prompt : prompts) streams.push_back(batch.submit(request(prompt)));
    for (size_t i = 0; i < prompts.size(); ++i) {
      const Answer together = answer(std::move(streams[i]));
      EXPECT_EQ(together.finish, FinishReason::kLength);
      EXPECT_EQ(together.tokens.size(), 40u);
      if (kv == DType::kF16) {
        EXPECT_EQ(together.tokens, alone[i].tokens) << prompts[i];
      }
    }
  }
}

TEST_F(EngineTest, ResultsDoNotDependOnThreads) {
  std::vector<std::vector<float>> all;
  const std::vector<TokenId> tokens = stories()->tokenizer().encode(long_prompt(50));
  for (int threads : {1, 2, 3}) {
    Engine engine(stories(), {.threads = threads});
    all.emplace_back();
    engine.score(tokens, [&](int64_t, std::span<const float> logits) {
      all.back().insert(all.back().end(), logits.begin(), logits.end());
    });
  }
  EXPECT_EQ(std::memcmp(all[0].data(), all[1].data(), all[0].size() * 4), 0);
  EXPECT_EQ(std::memcmp(all[0].data(), all[2].data(), all[0].size() * 4), 0);
}

// Float32 files of models that were trained in bfloat16 lose nothing, and are read at half the bytes.
TEST(EngineWeights, Float32ThatIsBfloat16IsKeptSo) {
  TempFolder folder;
  const auto write = [&](const char* name, bool rounded) {
    std::filesystem::create_directory(folder / name);
    write_tiny_model(folder / name, tiny_config(), [&](TinyTensors& tensors) {
      for (std::vector<float>& values : tensors.values)
        for (float& value : values)
          value = std::bit_cast<float>(std::bit_cast<uint32_t>(value) & (rounded ? 0xffff0000u : ~0u));
    });
    return Checkpoint::open(folder / name);
  };
  const auto rounded = write("rounded", true), other = write("other", false);
  const Engine narrow(rounded, {.threads = 1}), exact(rounded, {.threads = 1, .exact = true}),
      wide(other, {.threads = 1});
  EXPECT_EQ(2 * narrow.weight_bytes(), exact.weight_bytes());
  EXPECT_EQ(wide.weight_bytes(), exact.weight_bytes());
}

TEST_F(EngineTest, WeightsInTheMappedFileGiveTheSameLogits) {
  Engine packed(stories(), {.threads = 2}), mapped(stories(), {.threads = 2, .mapped = true});
  EXPECT_LT(mapped.weight_bytes(), packed.weight_bytes());
  const std::vector<TokenId> tokens = stories()->tokenizer().encode(long_prompt(10));
  std::vector<float> expected;
  packed.score(tokens,
               [&](int64_t, std::span<const float> row) { expected.insert(expected.end(), row.begin(), row.end()); });
  size_t i = 0;
  mapped.score(tokens, [&](int64_t, std::span<const float> row) {
    for (float logit : row) ASSERT_NEAR(logit, expected[i++], 1e-4);  // the activation is fused in one of them
  });
  EXPECT_EQ(i, expected.size());
}

TEST_F(EngineTest, APromptInChunksAndFromTheCacheGivesTheSameAnswer) {
  Engine whole(stories(), {.threads = 2}), chunked(stories(), {.threads = 2, .prompt_chunk = 16});
  const Request r = request(long_prompt(60));
  ASSERT_GT(r.prompt.size(), 140u);
  const Answer first = answer(whole.submit(r)), again = answer(whole.submit(r)), pieces = answer(chunked.submit(r));
  EXPECT_EQ(first.stats.cached_tokens, 0);
  EXPECT_EQ(again.stats.cached_tokens, static_cast<int64_t>(r.prompt.size() - 1) / 64 * 64);
  EXPECT_EQ(first.tokens, again.tokens);
  EXPECT_EQ(first.tokens, pieces.tokens);
}

TEST_F(EngineTest, ACacheTypeThatHeadsCannotHaveIsRefused) {
  // Heads of 8 dimensions have no q8_0 form: the engine must say so.
  try {
    Engine engine(stories(), {.kv_dtype = DType::kQ8_0});
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("kv_dtype"), std::string::npos) << error.what();
  }
}

TEST_F(EngineTest, CancelledRequestsEndAndOthersGoOn) {
  Engine engine(stories(), {.threads = 2, .max_sequences = 2});
  Stream cancelled = engine.submit(request("Once", 400)), kept = engine.submit(request("Lily", 60)),
         waiting = engine.submit(request("Tom", 400));
  StreamEvent event;
  ASSERT_TRUE(cancelled.next(event));
  cancelled.cancel();
  waiting.cancel();
  int events = 0;
  while (cancelled.next(event)) ++events;
  EXPECT_EQ(event.finish, FinishReason::kCancelled);
  EXPECT_LT(events, 399);
  while (waiting.next(event)) {
  }
  EXPECT_EQ(event.finish, FinishReason::kCancelled);
  EXPECT_EQ(answer(std::move(kept)).tokens.size(), 60u);
  { Stream dropped = engine.submit(request("Dropped", 400)); }
  EXPECT_EQ(answer(engine.submit(request("After", 5))).tokens.size(), 5u);
}

TEST_F(EngineTest, StopStringsEndTheAnswerBeforeThem) {
  Engine engine(stories(), {.threads = 1});
  const Answer full = answer(engine.submit(request("Once upon a time", 60)));
  const size_t at = full.text.find("Lily");
  ASSERT_NE(at, std::string::npos) << full.text;
  Request r = request("Once upon a time", 60);
  r.stop = {"Lily"};
  const Answer cut = answer(engine.submit(r));
  EXPECT_EQ(cut.text, full.text.substr(0, at));
  EXPECT_EQ(cut.finish, FinishReason::kStop);
}

TEST_F(EngineTest, EndsAtTheContextAndRefusesWhatDoesNotFit) {
  Engine engine(stories(), {.threads = 1, .context = 64});
  Request r = request("Once upon a time", -1);
  const Answer full = answer(engine.submit(r));
  EXPECT_EQ(full.finish, FinishReason::kLength);
  EXPECT_EQ(full.tokens.size() + r.prompt.size(), 64u);
  const auto message = [&](Request request) -> std::string {
    try {
      engine.submit(std::move(request));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  Request too_long = r;
  too_long.prompt.assign(70, 5);
  EXPECT_NE(message(too_long).find("found 70 tokens, expected at most 63 in a context of 64"), std::string::npos)
      << message(too_long);
  Request empty = r;
  empty.prompt.clear();
  EXPECT_NE(message(empty).find("no token"), std::string::npos);
  Request foreign = r;
  foreign.prompt = {1, 512};
  EXPECT_NE(message(foreign).find("found token 512, expected 0 to 511"), std::string::npos) << message(foreign);
  EXPECT_THROW(Engine(stories(), {.context = 513}), Error) << "beyond what the model was trained for";
}

TEST_F(EngineTest, LogprobsAreThoseOfTheScores) {
  Engine engine(stories(), {.threads = 1, .exact = true});
  Request r = request("Once upon a time", 3);
  r.top_logprobs = 2;
  Stream stream = engine.submit(r);
  std::vector<TokenId> tokens = r.prompt;
  std::vector<TokenLogprob> first;
  for (StreamEvent event; stream.next(event);) {
    if (event.token < 0) continue;
    if (first.empty()) first = event.logprobs;
    tokens.push_back(event.token);
  }
  ASSERT_EQ(first.size(), 3u);
  const auto last = static_cast<int64_t>(r.prompt.size()) - 1;
  engine.score(tokens, [&](int64_t position, std::span<const float> logits) {
    if (position != last) return;
    double sum = 0;
    for (float logit : logits) sum += std::exp(logit);
    EXPECT_NEAR(first[0].logprob, logits[first[0].token] - std::log(sum), 1e-4);
    EXPECT_EQ(first[0].token, tokens[r.prompt.size()]);
  });
}

}  // namespace
}  // namespace orrery::text
