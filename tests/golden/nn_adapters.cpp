// LoRA on its base model: logits and gradients of the adapter's own tensors, against peft.
#include <gtest/gtest.h>

#include "orrery/nn/decoder.h"
#include "orrery/nn/log_probs.h"
#include "orrery/text/adapters/adapter.h"
#include "tests/golden/nn_values.h"

namespace orrery::nn {

using text::golden::Expected;
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> lora_folders() {
  std::vector<fs::path> result = text::golden::folders();
  std::erase_if(result, [](const fs::path& folder) { return !fs::exists(folder / "adapter_config.json"); });
  return result;
}

class LoraGolden : public testing::TestWithParam<fs::path> {};

TEST_P(LoraGolden, LogitsAndGradients) {
  const Expected expected(GetParam());
  const auto base = text::Checkpoint::open(GetParam().string());
  const text::Adapter adapter = text::bind(text::open_adapter(GetParam()), base->spec());
  Decoder decoder(*base, &adapter);
  std::vector<std::vector<text::TokenId>> ids;
  for (int64_t row = 0; row < expected.shape("input_ids").at(0); ++row) ids.push_back(expected.ids("input_ids", row));
  const PackedRows rows(ids);
  const at::Tensor hidden = decoder.hidden(rows);
  text::golden::expect_close(values(decoder.logits(hidden).contiguous()), expected.floats("logits"),
                             text::golden::kTolerance, "logits");

  const at::Tensor targets = next_tokens(at::tensor(expected.integers("labels")), rows);
  const at::Tensor loss = -token_log_probs(hidden, decoder.head(), targets).sum() / targets.ne(kIgnored).sum();
  EXPECT_NEAR(loss.item<float>(), expected.floats("loss").at(0), 1e-4);
  loss.backward();
  const std::string theirs = "grad.base_model.model.";
  int compared = 0;
  for (const std::string& name : expected.names()) {
    if (!name.starts_with(theirs)) continue;
    expect_gradient(decoder.parameters().at(name.substr(theirs.size())).grad(), expected.floats(name), 1e-3f,
                    name.c_str());
    ++compared;
  }
  EXPECT_GT(compared, 0);
  EXPECT_FALSE(decoder.parameters().at("model.embed_tokens.weight").grad().defined());
}

INSTANTIATE_TEST_SUITE_P(Nn, LoraGolden, testing::ValuesIn(lora_folders()), [](const auto& info) {
  std::string name = info.param.filename().string();
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LoraGolden);

}  // namespace
}  // namespace orrery::nn
