// Hub folder -> GGUF: the same model by the original's numbers.
#include <gtest/gtest.h>

#include <unistd.h>

#include "orrery/text/convert/convert.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_folders.h"
#include "tests/golden/text_reference_llama.h"

namespace orrery::text::golden {

class ConvertGolden : public testing::TestWithParam<ModelCase> {};

TEST_P(ConvertGolden, LogitsOfTheF32File) {
  const auto file =
      std::filesystem::path(testing::TempDir()) / (GetParam().name + "-" + std::to_string(getpid()) + ".gguf");
  convert_to_gguf(GetParam().model.string(), file, {.type = "F32"});
  const auto checkpoint = Checkpoint::open(file.string());
  std::filesystem::remove(file);
  const Expected expected(GetParam().folder);
  const std::vector<float> logits = expected.floats(GetParam().logits);
  const int64_t batch = expected.shape("input_ids").at(0), per_row = int64_t(logits.size()) / batch;
  for (int64_t row = 0; row < batch; ++row)
    expect_close(run_reference_llama(*checkpoint, expected.ids("input_ids", row)).logits,
                 std::span(logits).subspan(row * per_row, per_row), kTolerance, "logits");
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ConvertGolden);
INSTANTIATE_TEST_SUITE_P(Text, ConvertGolden, testing::ValuesIn(model_cases_of("llama")),
                         [](const auto& info) { return info.param.name; });

}  // namespace orrery::text::golden
