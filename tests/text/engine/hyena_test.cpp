// Hyena's layers on a model of random weights whose sequences are longer than a page of their state.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "orrery/text/engine/forward.h"
#include "tests/text/hyena_model.h"

namespace orrery::text {
namespace {

class HyenaTest : public testing::Test {
 protected:
  static constexpr int64_t kContext = 300, kTokens = 210;

  void SetUp() override {
    write_tiny_model(folder_.path(),
                     hyena_config({{"layer", {{"l_max", kContext}, {"order", 3}, {"modulate", true}}}}));
    checkpoint_ = Checkpoint::open(folder_.path().string());
    tokens_.resize(kTokens);
    for (int64_t i = 0; i < kTokens; ++i) tokens_[i] = static_cast<TokenId>(i * i % 97);
  }

  // An engine's innards, with memory for two sequences that holds nonsense.
  struct Runner {
    Runner(const Checkpoint& checkpoint, int64_t context, int threads)
        : spec(checkpoint.spec()),
          pool(threads),
          cache({}, spec.layers, 0),
          forward(checkpoint, spec, cache, pool, kTokens, context, {.exact = true}, {}) {
      for (Buffer& state : states) {
        state = Buffer(forward.state_bytes());
        std::fill_n(state.as<float>(), state.size() / sizeof(float), 1e30f);
      }
    }
    std::vector<float> step(std::span<const Segment> segments) {
      const std::span<float> logits = forward.step(segments);
      return {logits.begin(), logits.end()};
    }
    // All logits of tokens [first, last) of a sequence.
    std::vector<float> run(std::span<const TokenId> tokens, int64_t first, int64_t last, int sequence = 0) {
      const Segment segment{.tokens = tokens.subspan(first, last - first),
                            .first_position = first,
                            .state = states[sequence].data(),
                            .all_logits = true};
      return step({&segment, 1});
    }
    const DecoderSpec& spec;
    ThreadPool pool;
    KvCache cache;
    Forward forward;
    Buffer states[2];
  };

  TempFolder folder_;
  std::shared_ptr<const Checkpoint> checkpoint_;
  std::vector<TokenId> tokens_;
};

TEST_F(HyenaTest, PromptsInPiecesGiveTheSameBits) {
  Runner runner(*checkpoint_, kContext, 1);
  const std::vector<float> expected = runner.run(tokens_, 0, kTokens);
  ASSERT_TRUE(std::ranges::all_of(expected, [](float logit) { return std::isfinite(logit); }));
  Runner other(*checkpoint_, kContext, 3);
  for (int64_t piece : {1, 7, 64, 100}) {
    std::vector<float> all;
    for (int64_t t = 0; t < kTokens; t += piece) {
      const std::vector<float> part = other.run(tokens_, t, std::min(t + piece, kTokens));
      all.insert(all.end(), part.begin(), part.end());
    }
    EXPECT_EQ(all, expected) << "pieces of " << piece;
  }
}

TEST_F(HyenaTest, SequencesSideBySideAnswerAsEachAlone) {
  Runner runner(*checkpoint_, kContext, 2);
  const std::vector<TokenId> first(tokens_.begin(), tokens_.begin() + 90),
      second(tokens_.begin() + 40, tokens_.begin() + 110);
  const std::vector<float> alone_first = runner.run(first, 0, 90), alone_second = runner.run(second, 0, 70);
  runner.run(second, 0, 30, 1);
  const Segment together[] = {{.tokens = first, .state = runner.states[0].data(), .all_logits = true},
                              {.tokens = std::span(second).subspan(30),
                               .first_position = 30,
                               .state = runner.states[1].data(),
                               .all_logits = true}};
  const std::vector<float> logits = runner.step(together);
  const auto vocab = static_cast<size_t>(runner.spec.vocab_size);
  EXPECT_TRUE(std::ranges::equal(std::span(logits).first(90 * vocab), alone_first));
  EXPECT_TRUE(std::ranges::equal(std::span(logits).subspan(90 * vocab), std::span(alone_second).subspan(30 * vocab)));
}

TEST_F(HyenaTest, ARestoredStateGoesOnIdentically) {
  Runner runner(*checkpoint_, kContext, 2), other(*checkpoint_, kContext, 2);
  const auto vocab = static_cast<size_t>(runner.spec.vocab_size);
  const std::vector<float> expected = runner.run(tokens_, 0, kTokens);
  for (int64_t position : {1, 50, 64, 96, 150, 200}) {
    runner.run(tokens_, 0, position);
    const int64_t bytes = runner.forward.layers().saved_state_bytes(position);
    EXPECT_LE(bytes, runner.forward.state_bytes());
    std::memcpy(other.states[1].data(), runner.states[0].data(), bytes);
    other.forward.layers().restore_state(other.states[1].data(), position);
    const std::vector<float> rest = other.run(tokens_, position, kTokens, 1);
    EXPECT_TRUE(std::ranges::equal(rest, std::span(expected).subspan(position * vocab))) << position;
  }
}

TEST_F(HyenaTest, StateGrowsWithTheTokensByPages) {
  const Runner runner(*checkpoint_, kContext, 1);
  const Layers& layers = const_cast<Runner&>(runner).forward.layers();
  // 2 layers · 2 long convolutions · 48 channels · 64 tokens of float32.
  EXPECT_EQ(layers.saved_state_bytes(65) - layers.saved_state_bytes(64), 2 * 2 * 48 * 64 * 4);
  EXPECT_EQ(layers.saved_state_bytes(1), layers.saved_state_bytes(64));
}

}  // namespace
}  // namespace orrery::text
