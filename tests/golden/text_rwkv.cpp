// RWKV's layers against the original implementations: what a sequence remembers, and rwkv.cpp's models.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "orrery/text/engine/layers.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_engine.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {
namespace {

constexpr float kStateTolerance = 2e-4f;  // the folders' READMEs; rwkv7's would allow 5e-4

// The layers alone, one after the other, on one sequence.
class LayerRun {
 public:
  LayerRun(const Checkpoint& checkpoint, int64_t max_tokens)
      : checkpoint_(checkpoint),
        spec_(checkpoint.spec()),
        cache_({DType::kF32, spec_.kv_heads, spec_.head_dim}, spec_.layers, 0),
        projector_(pool_, profile_, max_tokens, widest_input(spec_)),
        hidden_(max_tokens * spec_.hidden_size) {
    WeightLoader loader(checkpoint, spec_, {.exact = true});
    layers_ = make_layers(loader, {.pool = pool_,
                                   .profile = profile_,
                                   .projector = projector_,
                                   .cache = cache_,
                                   .adaptation = adaptation_,
                                   .max_tokens = max_tokens,
                                   .context = max_tokens,
                                   .exact = true});
    weights_ = loader.pack(pool_, {});
    state_ = Buffer(layers_->state_bytes());
  }

  void run(std::span<const TokenId> tokens, int64_t first_position) {
    const Segment segment{.tokens = tokens, .first_position = first_position, .state = state_.data()};
    Batch batch;
    batch.assign({&segment, 1});
    layers_->begin(batch);
    for (size_t t = 0; t < tokens.size(); ++t)
      embed(checkpoint_, tokens[t], std::span(hidden_).subspan(t * spec_.hidden_size, spec_.hidden_size));
    for (int64_t layer = 0; layer < spec_.layers; ++layer) layers_->run(layer, batch, hidden_.data(), {});
  }

  /// Part of what the sequence remembers of a layer: `count` floats from `first`.
  std::span<const float> state(int64_t layer, int64_t first, int64_t count) const {
    return {state_.as<float>() + layer * layers_->state_bytes() / spec_.layers / int64_t{sizeof(float)} + first,
            static_cast<size_t>(count)};
  }

 private:
  const Checkpoint& checkpoint_;
  const DecoderSpec& spec_;
  ThreadPool pool_{2};
  Profile profile_;
  KvCache cache_;
  Projector projector_;
  Adaptation adaptation_{projector_};
  std::unique_ptr<Layers> layers_;
  Buffer weights_, state_;
  std::vector<float> hidden_;
};

class RwkvGolden : public testing::TestWithParam<ModelCase> {
 protected:
  const Expected expected_{GetParam().folder};
  std::shared_ptr<const Checkpoint> checkpoint_ = Checkpoint::open(GetParam().model.string());
  const DecoderSpec& spec_ = checkpoint_->spec();
};

// state.k [batch, hidden_size, layers]: the channel mixing's last x, the time mixing's, numerator, denominator, and the
// exponent that the last two are divided by.
class Rwkv4StateGolden : public RwkvGolden {
 protected:
  void expect_state(const LayerRun& run, const std::string& prefix, int64_t row) {
    const int64_t size = spec_.hidden_size, layers = spec_.layers;
    std::vector<std::vector<float>> theirs;
    for (int k = 0; k < 5; ++k) theirs.push_back(expected_.floats(fmt::format("{}state.{}", prefix, k)));
    for (int64_t layer = 0; layer < layers; ++layer) {
      const auto ours = [&](int64_t part) { return run.state(layer, part * size, size); };
      for (int64_t i = 0; i < size; ++i) {
        const auto at = size_t((row * size + i) * layers + layer);
        EXPECT_NEAR(ours(1)[i], theirs[0][at], kStateTolerance) << "channel mixing";
        EXPECT_NEAR(ours(0)[i], theirs[1][at], kStateTolerance) << "time mixing";
        const float factor = std::exp(ours(4)[i] - theirs[4][at]);
        EXPECT_NEAR(ours(2)[i] * factor, theirs[2][at], kStateTolerance) << "numerator";
        EXPECT_NEAR(ours(3)[i] * factor, theirs[3][at], kStateTolerance) << "denominator";
        EXPECT_NEAR(ours(2)[i] / ours(3)[i], theirs[2][at] / theirs[3][at], kStateTolerance) << "average";
      }
    }
  }
};

TEST_P(Rwkv4StateGolden, StatesAndTheirContinuation) {
  for (int64_t row = 0; row < expected_.shape("input_ids").at(0); ++row) {
    const std::vector<TokenId> ids = expected_.ids("input_ids", row), more = expected_.ids("cont.input_ids", row);
    LayerRun run(*checkpoint_, int64_t(std::max(ids.size(), more.size())));
    run.run(ids, 0);
    expect_state(run, "", row);
    run.run(more, int64_t(ids.size()));
    expect_state(run, "cont.", row);
  }
}

// state.shift [batch, layers, 2, hidden_size], state.wkv [batch, layers, heads, value, key].
class Rwkv7StateGolden : public RwkvGolden {};
TEST_P(Rwkv7StateGolden, States) {
  const std::vector<float> shift = expected_.floats("state.shift"), wkv = expected_.floats("state.wkv");
  const int64_t size = spec_.hidden_size, matrices = size * spec_.head_dim;
  for (int64_t row = 0; row < expected_.shape("input_ids").at(0); ++row) {
    const std::vector<TokenId> ids = expected_.ids("input_ids", row);
    LayerRun run(*checkpoint_, int64_t(ids.size()));
    run.run(ids, 0);
    for (int64_t layer = 0; layer < spec_.layers; ++layer) {
      const int64_t at = row * spec_.layers + layer;
      expect_close(run.state(layer, 0, 2 * size), std::span(shift).subspan(at * 2 * size, 2 * size), kStateTolerance,
                   "state.shift");
      expect_close(run.state(layer, 2 * size, matrices), std::span(wkv).subspan(at * matrices, matrices),
                   kStateTolerance, "state.wkv");
    }
  }
}

std::vector<ModelCase> rwkv_cases(std::string_view family, std::string_view tensor) {
  std::vector<ModelCase> result = model_cases_with(tensor);
  std::erase_if(result, [&](const ModelCase& model) { return kind_of(model.folder) != family; });
  return result;
}
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Rwkv4StateGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Rwkv7StateGolden);
INSTANTIATE_TEST_SUITE_P(Text, Rwkv4StateGolden, testing::ValuesIn(rwkv_cases("rwkv4", "cont.state.0")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, Rwkv7StateGolden, testing::ValuesIn(rwkv_cases("rwkv7", "state.wkv")), name_of);

// The logits of rwkv.cpp's own tests: after `"in` on a fresh state, of the float32 file.
class RwkvTinyGolden : public testing::TestWithParam<std::string> {
 protected:
  static constexpr char kPrompt[] = "\"in";
  void SetUp() override {
    if (!std::filesystem::exists(folder_)) GTEST_SKIP() << "needs ../shared/data/weights/rwkv-tiny";
  }
  std::vector<float> expected() const {
    std::vector<float> logits(256);
    std::ifstream file(folder_ / fmt::format("expected-logits-{}.bin", GetParam()), std::ios::binary);
    file.read(reinterpret_cast<char*>(logits.data()), std::streamsize(logits.size() * sizeof(float)));
    EXPECT_TRUE(file.good());
    return logits;
  }
  std::vector<float> last_logits(const std::string& type) const {
    Engine engine(Checkpoint::open((folder_ / fmt::format("tiny-rwkv-{}-{}.bin", GetParam(), type)).string()),
                  {.exact = true});
    const std::vector<TokenId> tokens = engine.checkpoint().tokenizer().encode(kPrompt);
    EXPECT_EQ(tokens, (std::vector<TokenId>{'"', 'i', 'n'})) << "every byte is a token";
    const std::vector<float> all = score(engine, tokens);
    return {all.end() - 256, all.end()};
  }
  const std::filesystem::path folder_ = data_root() / "weights" / "rwkv-tiny";
};

TEST_P(RwkvTinyGolden, Logits) { expect_close(last_logits("FP32"), expected(), kTolerance, "logits"); }

// Five bits leave the weights of models this small off by 4 %, and the logits by some 11 % of their spread.
TEST_P(RwkvTinyGolden, LogitsOfTheQuantisedFileAreNear) {
  if (!std::filesystem::exists(folder_ / fmt::format("tiny-rwkv-{}-Q5_1.bin", GetParam())))
    GTEST_SKIP() << "there is no quantised file of this version";
  const std::vector<float> ours = last_logits("Q5_1"), theirs = expected();
  double difference = 0, mean = 0, spread = 0;
  for (float logit : theirs) mean += logit / double(theirs.size());
  for (size_t i = 0; i < theirs.size(); ++i) {
    difference += std::pow(ours[i] - theirs[i], 2);
    spread += std::pow(theirs[i] - mean, 2);
  }
  EXPECT_LT(difference, 0.02 * spread);
}

INSTANTIATE_TEST_SUITE_P(Text, RwkvTinyGolden, testing::Values("4v0-660K", "5v2-730K", "7v0-834K"),
                         [](const auto& info) { return info.param.substr(0, 3); });

}  // namespace
}  // namespace orrery::text::golden
