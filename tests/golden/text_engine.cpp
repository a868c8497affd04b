// The engine's exact mode against the original implementations: the same logits and the same tokens.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/golden/text_compare.h"
#include "tests/golden/text_engine.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {

class EngineGolden : public testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    engine_ = std::make_unique<Engine>(Checkpoint::open(GetParam().model.string()), EngineOptions{.exact = true});
    vocab_ = engine_->checkpoint().spec().vocab_size;
  }
  /// Row `row` of image_patches, where `indices` [batch, tokens] (patch number or -1) puts them.
  ImagePatches patches(int64_t row, const char* indices = "image_patches_indices") const {
    ImagePatches result;
    if (!expected_.has("image_patches")) return result;
    const std::vector<float> all = expected_.floats("image_patches");
    const std::vector<int64_t>& shape = expected_.shape("image_patches");
    const auto where = expected_.ids(indices, row);
    for (size_t t = 0; t < where.size(); ++t) {
      if (where[t] < 0) continue;
      result.positions.push_back(int64_t(t));
      const auto patch = std::span(all).subspan((row * shape[1] + where[t]) * shape[2], shape[2]);
      result.values.insert(result.values.end(), patch.begin(), patch.end());
    }
    return result;
  }
  /// Every row of input_ids against `logits`.
  void expect_logits(const std::string& logits_name, const std::function<ImagePatches(int64_t)>& patches_of) {
    const std::vector<float> logits = expected_.floats(logits_name);
    const int64_t batch = expected_.shape("input_ids").at(0), per_row = int64_t(logits.size()) / batch;
    for (int64_t row = 0; row < batch; ++row)
      expect_close(score(*engine_, expected_.ids("input_ids", row), patches_of(row)),
                   std::span(logits).subspan(row * per_row, per_row), kTolerance, logits_name.c_str());
  }

  const Expected expected_{GetParam().folder};
  std::unique_ptr<Engine> engine_;
  int64_t vocab_ = 0;
};

TEST_P(EngineGolden, Logits) {
  expect_logits(GetParam().logits, [this](int64_t row) { return patches(row); });
}

class EnginePaddedGolden : public EngineGolden {};
class EngineGreedyGolden : public EngineGolden {};
class EngineLossGolden : public EngineGolden {};
class EngineHiddenGolden : public EngineGolden {};
class EngineTextOnlyGolden : public EngineGolden {};
class EngineShuffledGolden : public EngineGolden {};
class EngineLegacyWindowGolden : public EngineGolden {};

TEST_P(EngineHiddenGolden, StatesBehindTheLastNorm) {
  const std::string name = "hidden." + std::to_string(engine_->spec().layers);
  const std::vector<float> theirs = expected_.floats(name);
  const int64_t batch = expected_.shape("input_ids").at(0), per_row = int64_t(theirs.size()) / batch;
  for (int64_t row = 0; row < batch; ++row) {
    std::vector<float> ours;
    engine_->hidden(expected_.ids("input_ids", row), [&](int64_t position, std::span<const float> state) {
      EXPECT_EQ(position * int64_t(state.size()), int64_t(ours.size()));
      ours.insert(ours.end(), state.begin(), state.end());
    });
    expect_close(ours, std::span(theirs).subspan(row * per_row, per_row), kTolerance, name.c_str());
  }
}

TEST_P(EngineTextOnlyGolden, Logits) {
  expect_logits("textonly.logits", [](int64_t) { return ImagePatches{}; });
}

TEST_P(EngineShuffledGolden, Logits) {
  expect_logits("shuffled.logits", [this](int64_t row) { return patches(row, "shuffled.image_patches_indices"); });
}

// The rule of mistral-src and transformers 4.34: a query sees one key more.
TEST_P(EngineLegacyWindowGolden, Logits) {
  engine_ = std::make_unique<Engine>(Checkpoint::open(GetParam().model.string()),
                                     EngineOptions{.exact = true, .legacy_window = true});
  expect_logits("legacy_window.logits", [](int64_t) { return ImagePatches{}; });
}

// Left padding is a shorter prompt: positions count from its first real token.
TEST_P(EnginePaddedGolden, RowsAreShorterPrompts) {
  const std::vector<float> logits = expected_.floats("padded.logits");
  const int64_t batch = expected_.shape("padded.input_ids").at(0), tokens = expected_.shape("padded.input_ids").at(1);
  for (int64_t row = 0; row < batch; ++row) {
    const auto mask = expected_.ids("padded.attention_mask", row);
    const int64_t padding = std::ranges::find(mask, 1) - mask.begin();
    ASSERT_LT(padding, tokens);
    std::vector<TokenId> ids = expected_.ids("padded.input_ids", row);
    ids.erase(ids.begin(), ids.begin() + padding);
    expect_close(score(*engine_, ids),
                 std::span(logits).subspan((row * tokens + padding) * vocab_, ids.size() * vocab_), kTolerance,
                 "padded.logits");
  }
}

TEST_P(EngineGreedyGolden, Tokens) {
  for (int64_t row = 0; row < expected_.shape("greedy.prompt_ids").at(0); ++row) {
    const std::vector<TokenId> prompt = expected_.ids("greedy.prompt_ids", row);
    std::vector<TokenId> output = expected_.ids("greedy.output_ids", row);
    output.erase(output.begin(), output.begin() + std::ptrdiff_t(prompt.size()));
    EXPECT_EQ(greedy(*engine_, prompt, int64_t(output.size())), output);
  }
}

// loss = mean over positions of -log p(next label), labels of -100 left out.
TEST_P(EngineLossGolden, Loss) {
  Loss loss;
  for (int64_t row = 0; row < expected_.shape("input_ids").at(0); ++row)
    loss.add(score(*engine_, expected_.ids("input_ids", row), patches(row)), expected_.ids("labels", row), -100);
  EXPECT_NEAR(loss.mean(), expected_.floats("loss").at(0), kTolerance);
}

namespace {
/// transformers' last hidden state is that behind the final norm; safari's and RWKV-4's are not. Rows with pictures are
/// no tokens.
std::vector<ModelCase> hidden_cases() {
  std::vector<ModelCase> cases = model_cases_with("hidden.1");
  std::erase_if(cases, [](const ModelCase& model) {
    return kind_of(model.folder) == "hyena" || kind_of(model.folder) == "rwkv4" ||
           Expected(model.folder).has("image_patches");
  });
  return cases;
}
}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EnginePaddedGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineGreedyGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineLossGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineHiddenGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineTextOnlyGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineShuffledGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EngineLegacyWindowGolden);
INSTANTIATE_TEST_SUITE_P(Text, EngineGolden, testing::ValuesIn(model_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Text, EnginePaddedGolden, testing::ValuesIn(model_cases_with("padded.logits")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, EngineGreedyGolden, testing::ValuesIn(model_cases_with("greedy.output_ids")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, EngineLossGolden, testing::ValuesIn(model_cases_with("loss")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, EngineHiddenGolden, testing::ValuesIn(hidden_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Text, EngineTextOnlyGolden, testing::ValuesIn(model_cases_with("textonly.logits")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, EngineShuffledGolden, testing::ValuesIn(model_cases_with("shuffled.logits")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, EngineLegacyWindowGolden, testing::ValuesIn(model_cases_with("legacy_window.logits")),
                         name_of);

}  // namespace orrery::text::golden
