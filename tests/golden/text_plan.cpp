// A config alone tells as many parameters as its checkpoint has.
#include <gtest/gtest.h>

#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"
#include "orrery/text/plan/size.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {

class PlanGolden : public testing::TestWithParam<ModelCase> {};

TEST_P(PlanGolden, CountsTheParametersOfTheCheckpoint) {
  const auto checkpoint = Checkpoint::open(GetParam().model.string());
  const std::filesystem::path& model = GetParam().model;
  const bool is_config = model.filename().string().starts_with("config");
  const ConfigJson config =
      ConfigJson::open(is_config ? model : (is_directory(model) ? model : model.parent_path()) / "config.json");
  DecoderSpec spec = family_of_hub(config).spec_from_hub(config);
  spec.value_head = checkpoint->spec().value_head;  // what configs do not mention
  spec.score_bias = checkpoint->spec().score_bias;
  EXPECT_EQ(size_of(planned_tensors(spec)).parameters, checkpoint->spec().parameters);
}

namespace {
// Meta's params.json and RWKV-7's authors say too little: sizes follow from the weights.
std::vector<ModelCase> cases_with_config() {
  std::vector<ModelCase> cases = model_cases();
  std::erase_if(cases, [](const ModelCase& model) {
    return model.type == "rwkv7" ||
           exists((is_directory(model.model) ? model.model : model.model.parent_path()) / "params.json");
  });
  return cases;
}
}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PlanGolden);
INSTANTIATE_TEST_SUITE_P(Text, PlanGolden, testing::ValuesIn(cases_with_config()), name_of);

}  // namespace orrery::text::golden
