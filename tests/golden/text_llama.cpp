// The plain-loop forward on every checkpoint of the llama family: what the files, configs and names mean, apart from
// the engine.
#include <gtest/gtest.h>

#include "tests/golden/text_compare.h"
#include "tests/golden/text_folders.h"
#include "tests/golden/text_reference_llama.h"

namespace orrery::text::golden {

class ReferenceGolden : public testing::TestWithParam<ModelCase> {
 protected:
  const Expected expected_{GetParam().folder};
  const std::shared_ptr<const Checkpoint> checkpoint_ = Checkpoint::open(GetParam().model.string());
};

namespace {
std::span<const float> part(const std::vector<float>& all, int64_t index, int64_t count) {
  return std::span(all).subspan(all.size() / count * index, all.size() / count);
}
}  // namespace

TEST_P(ReferenceGolden, LogitsAndHiddenStates) {
  const std::vector<float> logits = expected_.floats(GetParam().logits);
  const int64_t batch = expected_.shape("input_ids").at(0);
  for (int64_t row = 0; row < batch; ++row) {
    const ReferenceOutput ours = run_reference_llama(*checkpoint_, expected_.ids("input_ids", row));
    expect_close(ours.logits, part(logits, row, batch), kTolerance, "logits");
    for (size_t layer = 0; layer < ours.hidden.size(); ++layer) {
      const std::string name = "hidden." + std::to_string(layer);
      if (expected_.has(name))
        expect_close(ours.hidden[layer], part(expected_.floats(name), row, batch), kTolerance, name.c_str());
    }
  }
}

class ReferencePositionsGolden : public ReferenceGolden {};

TEST_P(ReferencePositionsGolden, Logits) {
  const std::vector<float> logits = expected_.floats("pos.logits");
  const std::vector<int64_t> positions = expected_.integers("pos.position_ids");
  const int64_t batch = expected_.shape("input_ids").at(0), tokens = expected_.shape("input_ids").at(1);
  for (int64_t row = 0; row < batch; ++row) {
    const auto ours = run_reference_llama(*checkpoint_, expected_.ids("input_ids", row),
                                          std::span(positions).subspan(row * tokens, tokens));
    expect_close(ours.logits, part(logits, row, batch), kPositionsTolerance, "pos.logits");
  }
}

class UnsupportedGolden : public testing::TestWithParam<ModelCase> {};

TEST_P(UnsupportedGolden, Skipped) { GTEST_SKIP() << GetParam().unsupported; }

namespace {
/// Of the plain loops' family, those with explicit positions.
std::vector<ModelCase> cases_with_positions() {
  std::vector<ModelCase> cases = model_cases_with("pos.logits");
  std::erase_if(cases, [](const ModelCase& model) { return model.type != "llama"; });
  return cases;
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ReferenceGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ReferencePositionsGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(UnsupportedGolden);
INSTANTIATE_TEST_SUITE_P(Text, ReferenceGolden, testing::ValuesIn(model_cases_of("llama")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, ReferencePositionsGolden, testing::ValuesIn(cases_with_positions()), name_of);
INSTANTIATE_TEST_SUITE_P(Text, UnsupportedGolden, testing::ValuesIn(unsupported_cases()), name_of);

}  // namespace orrery::text::golden
