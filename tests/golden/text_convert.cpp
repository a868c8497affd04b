// Hub folder -> GGUF: the same model by the original's numbers.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>

#include "orrery/text/convert/convert.h"
#include "orrery/text/families/family.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_engine.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {

class ConvertGolden : public testing::TestWithParam<ModelCase> {};

TEST_P(ConvertGolden, LogitsOfTheF32File) {
  const auto file =
      std::filesystem::path(testing::TempDir()) / (GetParam().name + "-" + std::to_string(getpid()) + ".gguf");
  convert_to_gguf(GetParam().model.string(), file, {.type = "F32"});
  Engine engine(Checkpoint::open(file.string()), {.exact = true});
  std::filesystem::remove(file);
  const Expected expected(GetParam().folder);
  const std::vector<float> logits = expected.floats(GetParam().logits);
  const int64_t batch = expected.shape("input_ids").at(0), per_row = int64_t(logits.size()) / batch;
  for (int64_t row = 0; row < batch; ++row)
    expect_close(score(engine, expected.ids("input_ids", row)), std::span(logits).subspan(row * per_row, per_row),
                 kTolerance, "logits");
}

namespace {
/// Of the families that llama.cpp has.
std::vector<ModelCase> expressible_cases() {
  std::vector<ModelCase> cases = model_cases();
  std::erase_if(cases, [](const ModelCase& model) {
    for (const Family& family : families())
      if (std::ranges::count(family.model_types, model.type) > 0) return family.gguf_architectures.empty();
    return false;
  });
  return cases;
}
}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConvertGolden);
INSTANTIATE_TEST_SUITE_P(Text, ConvertGolden, testing::ValuesIn(expressible_cases()), name_of);

}  // namespace orrery::text::golden
