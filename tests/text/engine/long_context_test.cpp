// Beyond the trained context, on a real, trained, tiny model of 512 positions.
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "orrery/formats/gguf.h"
#include "orrery/text/engine/context_options.h"
#include "tests/sanitized.h"
#include "tests/text/engine/stories.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {
namespace {

using Scaling = RopeSpec::Scaling;

std::vector<float> scores(const EngineOptions& options, std::span<const TokenId> tokens,
                          const std::shared_ptr<const Checkpoint>& checkpoint = stories()) {
  Engine engine(checkpoint, options);
  std::vector<float> all;
  engine.score(tokens, [&](int64_t, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); });
  return all;
}

void expect_near(std::span<const float> a, std::span<const float> b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) largest = std::max<double>(largest, std::abs(a[i] - b[i]));
  EXPECT_LE(largest, tolerance);
}

class LongContextTest : public EngineTest {
 protected:
  static std::vector<TokenId> text(size_t tokens) {
    std::vector<TokenId> ids = stories()->tokenizer().encode(long_prompt(static_cast<int>(tokens)));
    EXPECT_GE(ids.size(), tokens);
    ids.resize(tokens);
    return ids;
  }

  /// The model with LongRoPE's divisors, trained on 96 tokens.
  static std::shared_ptr<const Checkpoint> longrope(const TempFolder& folder) {
    const auto source = formats::GgufFile::open(stories()->path());
    static const float kLong[] = {1, 2, 4, 8}, kShort[] = {1, 1.1f, 1.2f, 1.3f};
    const auto view = [](const char* name, const float* values) {
      return TensorView{.name = name,
                        .dtype = DType::kF32,
                        .shape = {4},
                        .data = reinterpret_cast<const std::byte*>(values),
                        .bytes = 16};
    };
    std::vector<TensorView> tensors = source.tensors();
    tensors.push_back(view("rope_factors_long.weight", kLong));
    tensors.push_back(view("rope_factors_short.weight", kShort));
    formats::GgufMetadata metadata = source.metadata();
    metadata["llama.rope.scaling.original_context_length"] = formats::GgufValue::u32(96);
    metadata["llama.rope.scaling.attn_factor"] = formats::GgufValue::f32(1.1f);
    formats::write_gguf(folder / "longrope.gguf", metadata, tensors);
    return Checkpoint::open((folder / "longrope.gguf").string());
  }

  /// Log-probability of each token of an answer, as the engine says when it gives it and as it scores it afterwards.
  static void expect_answer_as_scored(const std::shared_ptr<const Checkpoint>& checkpoint, const EngineOptions& options,
                                      Request r) {
    Engine engine(checkpoint, options);
    r.top_logprobs = 0;
    Stream stream = engine.submit(r);
    std::vector<TokenId> tokens = r.prompt;
    for (StreamEvent event; stream.next(event);) {
      if (event.token < 0) continue;
      float scored = 0;
      engine.score(tokens, [&](int64_t position, std::span<const float> row) {
        if (position + 1 < static_cast<int64_t>(tokens.size())) return;
        double sum = 0;
        for (float logit : row) sum += std::exp(double(logit));
        scored = static_cast<float>(row[event.token] - std::log(sum));
      });
      ASSERT_NEAR(event.logprobs[0].logprob, scored, 1e-4) << tokens.size();
      tokens.push_back(event.token);
    }
  }
};

TEST_F(LongContextTest, AScalingAskedForIsTheOneThatAConfigAsksFor) {
  TempFolder plain, yarn;
  const nlohmann::json own = {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 128}};
  write_tiny_model(plain.path(), tiny_config({{"max_position_embeddings", 128}}));
  write_tiny_model(yarn.path(), tiny_config({{"max_position_embeddings", 512}, {"rope_scaling", own}}));
  std::vector<TokenId> tokens(300);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<TokenId>(i * 7 % 96);
  const auto asked = scores({.context = 512, .exact = true, .rope_scaling = Scaling::kYarn}, tokens,
                            Checkpoint::open(plain.path().string()));
  const auto expected = scores({.exact = true}, tokens, Checkpoint::open(yarn.path().string()));
  EXPECT_EQ(asked, expected);
  const auto linear = scores({.context = 512, .exact = true, .rope_scaling = Scaling::kLinear}, tokens,
                             Checkpoint::open(plain.path().string()));
  EXPECT_NE(linear, expected);
}

TEST_F(LongContextTest, TheContextIsTheTrainedOneTimesTheFactor) {
  Engine by_factor(stories(), {.rope_scaling = Scaling::kYarn, .rope_factor = 4});
  EXPECT_EQ(by_factor.options().context, 2048);
  EXPECT_EQ(by_factor.spec().context_length, 2048);
  EXPECT_EQ(stories()->spec().context_length, 512);
  Engine by_context(stories(), {.context = 65536, .rope_scaling = Scaling::kLinear});
  EXPECT_EQ(by_context.spec().rope.factor, 128);
  expect_contains(error_of([] { Engine(stories(), {.context = 4096}); }), {"4096", "512", "--rope-scaling"});
  expect_contains(
      error_of([] { Engine(stories(), {.context = 4096, .rope_scaling = Scaling::kYarn, .rope_factor = 2}); }),
      {"4096", "1024"});
}

// As transformers has it: all of a prompt is rotated with the theta of its length, pieces or not.
TEST_F(LongContextTest, DynamicScalingRotatesAPromptWithTheThetaOfItsLength) {
  const std::vector<TokenId> tokens = text(700);
  const double scale = 4.0 * 700 / 512 - 3;
  const auto fixed = scores({.exact = true, .rope_scaling = Scaling::kNtk, .rope_factor = scale}, tokens);
  const auto dynamic = scores({.exact = true, .rope_scaling = Scaling::kDynamic, .rope_factor = 4}, tokens);
  expect_near(dynamic, fixed, 1e-4);
  const auto short_text = std::span(tokens).first(500);
  EXPECT_EQ(scores({.exact = true, .rope_scaling = Scaling::kDynamic, .rope_factor = 4}, short_text),
            scores({.exact = true}, short_text));
}

TEST_F(LongContextTest, DynamicScalingSharesNoPagesBeyondTheTrainedContext) {
  Engine engine(stories(), {.rope_scaling = Scaling::kDynamic, .rope_factor = 4});
  Request within = request("", 4), beyond = request("", 4);
  within.prompt = text(400);
  beyond.prompt = text(600);
  const Answer first = answer(engine.submit(beyond));
  EXPECT_EQ(answer(engine.submit(within)).stats.cached_tokens, 0);
  EXPECT_EQ(answer(engine.submit(within)).stats.cached_tokens, 384);
  const Answer again = answer(engine.submit(beyond));
  EXPECT_EQ(again.stats.cached_tokens, 0);
  EXPECT_EQ(again.tokens, first.tokens);
}

// Phi-3 in transformers computes everything anew when the long divisors begin.
TEST_F(LongContextTest, LongRopeStartsOverWhereItsLongDivisorsBegin) {
  const TempFolder folder;
  const auto model = longrope(folder);
  ASSERT_EQ(model->spec().rope.scaling, Scaling::kLongRope);
  EXPECT_FLOAT_EQ(static_cast<float>(model->spec().rope.attention_factor), 1.1f);
  Request r = request("", 12);
  r.prompt = text(90);
  expect_answer_as_scored(model, {.exact = true}, r);
}

TEST_F(LongContextTest, LongRopeSharesPagesOfEitherRotation) {
  const TempFolder folder;
  Engine engine(longrope(folder), {});
  Request within = request("", 2), beyond = request("", 2);
  within.prompt = text(90);
  beyond.prompt = text(200);
  EXPECT_EQ(answer(engine.submit(within)).stats.cached_tokens, 0);
  EXPECT_EQ(answer(engine.submit(beyond)).stats.cached_tokens, 0) << "rotated otherwise";
  EXPECT_EQ(answer(engine.submit(within)).stats.cached_tokens, 64);
  EXPECT_EQ(answer(engine.submit(beyond)).stats.cached_tokens, 192);
}

TEST_F(LongContextTest, TheEndOfTheContextIsAnErrorUnlessAPolicyWasChosen) {
  const auto end = [](Overflow overflow, int64_t max_tokens) {
    Engine engine(stories(), {.context = 64, .overflow = overflow});
    Stream stream = engine.submit(request("Once upon a time", max_tokens));
    StreamEvent event;
    while (stream.next(event)) {
    }
    return event;
  };
  const StreamEvent full = end(Overflow::kError, 500);
  EXPECT_EQ(full.finish, FinishReason::kError);
  expect_contains(full.error, {"a prompt of 5 tokens", "an answer of 59", "64 tokens is full", "512"});
  EXPECT_EQ(end(Overflow::kError, 59).finish, FinishReason::kLength) << "as it was asked";
  EXPECT_EQ(end(Overflow::kError, -1).finish, FinishReason::kLength) << "up to the context was asked";
  EXPECT_EQ(end(Overflow::kStop, 500).finish, FinishReason::kLength);
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST_F(LongContextTest, AttentionSinksGoOnInConstantMemory) {
  Engine engine(stories(), {.threads = 2, .context = 128, .max_sequences = 1, .overflow = Overflow::kSinks});
  const int64_t page = 64 * 5 * 2 * 32 * 2;  // tokens, layers, keys and values, 4 heads of 8, f16
  EXPECT_LE(engine.kv_bytes(), (124 + 512 + 4 * 64 + 63) / 64 * page) << "a ring";
  Stream stream = engine.submit(request("Once upon a time", 20'000));
  int64_t tokens = 0, early = 0;
  StreamEvent event;
  while (stream.next(event)) {
    tokens += event.token >= 0;
    if (tokens == 2'000) early = resident_bytes();
  }
  EXPECT_EQ(event.finish, FinishReason::kLength);
  EXPECT_EQ(tokens, 20'000);
  if (!kAddressSanitized)  // which keeps what is freed
    EXPECT_LT(resident_bytes() - early, 4 << 20) << "all keys would be 11 MB";
}

TEST_F(LongContextTest, AttentionSinksTakePromptsOfAnyLength) {
  Engine engine(stories(), {.context = 128, .overflow = Overflow::kSinks});
  Request r = request("", 5);
  r.prompt = text(2000);
  EXPECT_EQ(answer(engine.submit(r)).tokens.size(), 5u);
}

// Tokens that come one by one are rotated by other code than those of a prompt.
TEST_F(LongContextTest, AnswersBeyondTheContextAreAsScored) {
  Request r = request("", 12);
  r.prompt = text(300);
  expect_answer_as_scored(stories(), {.context = 128, .exact = true, .overflow = Overflow::kSinks}, r);
  r.prompt = text(50);
  expect_answer_as_scored(stories(), {.context = 60, .exact = true, .overflow = Overflow::kSinks}, r);
  r.prompt = text(600);
  expect_answer_as_scored(stories(), {.exact = true, .self_extend = 4, .self_extend_window = 64}, r);
  expect_answer_as_scored(stories(), {.context = 1024, .exact = true, .rope_scaling = Scaling::kYarn}, r);
}

TEST_F(LongContextTest, SelfExtendReachesAsFarAsItsGroups) {
  Engine engine(stories(), {.self_extend = 4, .self_extend_window = 128});
  EXPECT_EQ(engine.options().context, 4 * (512 - 128 + 128 / 4));
  const int64_t plain = Engine(stories(), {.context = 512}).kv_bytes();
  EXPECT_EQ(Engine(stories(), {.context = 512, .self_extend = 4}).kv_bytes(), plain * 3 / 2) << "keys are kept twice";
  expect_contains(error_of([] { Engine(stories(), {.self_extend = 4, .self_extend_window = 32}); }),
                  {"self_extend_window", "32", "64 to 511"});
  expect_contains(error_of([] { Engine(stories(), {.context = 4096, .self_extend = 2}); }), {"4096", "768"});
  expect_contains(error_of([] { Engine(stories(), {.self_extend = 2, .overflow = Overflow::kSinks}); }),
                  {"self_extend", "sinks"});
}

}  // namespace
}  // namespace orrery::text
