// Adapters on their base models in the engine's exact mode, against peft and the authors of LLaMA-Adapter.
#include <gtest/gtest.h>

#include "orrery/text/adapters/adapter.h"
#include "orrery/text/adapters/visual_query.h"
#include "orrery/text/convert/merge.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_engine.h"
#include "tests/golden/text_folders.h"

namespace orrery::text::golden {

namespace fs = std::filesystem;

/// One file of an adapter on one form of its base.
struct AdapterCase {
  std::string name;
  fs::path folder, model, adapter;
};
void PrintTo(const AdapterCase& test, std::ostream* out) { *out << test.adapter.string(); }

namespace {

std::vector<AdapterCase> adapter_cases() {
  std::vector<AdapterCase> cases;
  for (const fs::path& folder : folders()) {
    if (!is_adapter_folder(folder) || !fs::exists(folder / "io.safetensors")) continue;
    for (const char* base : {"", "hf"})
      for (const char* file :
           {"adapter_config.json", "adapter_model.safetensors", "adapter.pth", "adapter.safetensors"}) {
        const fs::path model = *base ? folder / base : folder;
        if (!fs::exists(folder / file) || !fs::exists(model / "config.json")) continue;
        std::string name = folder.filename().string() + "_" + file + (*base ? "_on_hub_base" : "");
        for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
        cases.push_back({name, folder, model, folder / file});
      }
  }
  return cases;
}

/// DoRA is not: the engine has it merged alone.
bool runs_unmerged(const AdapterCase& test) { return open_adapter(test.adapter).kind != "DoRA"; }

std::vector<AdapterCase> unmerged_cases() {
  std::vector<AdapterCase> cases = adapter_cases();
  std::erase_if(cases, [](const AdapterCase& test) { return !runs_unmerged(test); });
  return cases;
}

std::vector<AdapterCase> adapter_cases_with(std::string_view tensor) {
  std::vector<AdapterCase> cases = adapter_cases();
  std::erase_if(cases, [&](const AdapterCase& test) { return !Expected(test.folder).has(tensor); });
  return cases;
}

}  // namespace

class AdapterGolden : public testing::TestWithParam<AdapterCase> {
 protected:
  void SetUp() override {
    engine_ = std::make_unique<Engine>(Checkpoint::open(GetParam().model.string()), EngineOptions{.exact = true});
  }

  int64_t rows() const { return expected_.shape("input_ids").at(0); }

  std::vector<float> score_row(int64_t row, const std::string& name) {
    const AdapterUse use{name};
    return score(*engine_, expected_.ids("input_ids", row), {}, {&use, 1});
  }

  void expect_row(int64_t row, const std::string& name, const char* tensor) {
    const std::vector<float> logits = expected_.floats(tensor);
    const size_t size = logits.size() / size_t(rows());
    expect_close(score_row(row, name), std::span(logits).subspan(size_t(row) * size, size), kTolerance, tensor);
  }

  /// The picture of a row, where the folder has some.
  AdapterOptions options_of(int64_t row) const {
    AdapterOptions options;
    if (!expected_.has("visual_query")) return options;
    const std::vector<float> all = expected_.floats("visual_query");
    const auto size = std::ptrdiff_t(all.size()) / rows();
    options.visual_query.assign(all.begin() + row * size, all.begin() + (row + 1) * size);
    return options;
  }

  const Expected expected_{GetParam().folder};
  std::unique_ptr<Engine> engine_;
};

TEST_P(AdapterGolden, LogitsAndLoss) {
  Loss loss;
  const int32_t ignored = fs::exists(GetParam().folder / "adapter_config.json") ? -100 : 0;
  for (int64_t row = 0; row < rows(); ++row) {
    const std::string name = std::to_string(row);
    engine_->load_adapter(name, open_adapter(GetParam().adapter, options_of(row)));
    expect_row(row, name, "logits");
    loss.add(score_row(row, name), expected_.ids("labels", row), ignored);
  }
  if (!expected_.has("loss")) return;
  EXPECT_NEAR(loss.mean(), expected_.floats("loss").at(0), kTolerance);
}

class AdapterBaseGolden : public AdapterGolden {};
class AdapterVisualGolden : public AdapterGolden {};
class AdapterMergedGolden : public AdapterGolden {};

TEST_P(AdapterBaseGolden, StaysAsItWas) {
  if (runs_unmerged(GetParam())) engine_->load_adapter("a", open_adapter(GetParam().adapter));
  const std::vector<float> logits = expected_.floats("logits_base");
  const size_t size = logits.size() / size_t(rows());
  for (int64_t row = 0; row < rows(); ++row)
    expect_close(score(*engine_, expected_.ids("input_ids", row)), std::span(logits).subspan(size_t(row) * size, size),
                 kTolerance, "logits_base");
}

TEST_P(AdapterGolden, OtherConventionsAndParts) {
  const auto check = [&](const char* tensor, const Adapter& adapter) {
    if (!expected_.has(tensor)) return;
    engine_->load_adapter(tensor, adapter);
    for (int64_t row = 0; row < rows(); ++row) expect_row(row, tensor, tensor);
  };
  check("logits_raw_gate", open_adapter(GetParam().adapter, {.gate = AdapterOptions::Gate::kRaw}));
  Adapter adapter = open_adapter(GetParam().adapter);
  check("logits_zero_visual", adapter);
  adapter.prompts.clear();
  check("logits_bias_scale_only", adapter);
}

TEST_P(AdapterVisualGolden, Query) {
  const std::vector<float> feats = expected_.floats("clip_feats");
  const size_t size = feats.size() / size_t(rows());
  for (int64_t row = 0; row < rows(); ++row)
    expect_close(visual_query(GetParam().adapter, std::span(feats).subspan(size_t(row) * size, size)),
                 options_of(row).visual_query, kTolerance, "visual_query");
}

// peft's merge_and_unload: the folded weight, and the logits of the model that has it.
TEST_P(AdapterMergedGolden, WeightAndLogits) {
  const fs::path folder = fs::path(testing::TempDir()) / ("orrery-merged-" + GetParam().name);
  fs::remove_all(folder);
  const MergeSummary summary =
      merge_adapters(GetParam().model.string(), {{open_adapter(GetParam().adapter)}}, folder, {});
  if (runs_unmerged(GetParam())) {
    ASSERT_TRUE(summary.largest_logit_change) << summary.not_compared;
    EXPECT_LT(*summary.largest_logit_change, kTolerance);
  }
  const auto merged = Checkpoint::open(folder.string());
  fs::remove_all(folder);  // it stays mapped
  for (const char* layer : {"0.self_attn.q_proj", "1.mlp.down_proj"}) {
    const std::string name = std::string("model.layers.") + layer + ".weight";
    if (!expected_.has("merged." + name)) continue;
    const TensorView& ours = *merged->tensor(name);
    expect_close({reinterpret_cast<const float*>(ours.data), size_t(ours.elements())},
                 expected_.floats("merged." + name), 1e-6f, "merged weight");
  }
  engine_ = std::make_unique<Engine>(merged, EngineOptions{.exact = true});
  const std::vector<float> logits = expected_.floats("logits_merged");
  const size_t size = logits.size() / size_t(rows());
  for (int64_t row = 0; row < rows(); ++row)
    expect_close(score(*engine_, expected_.ids("input_ids", row)), std::span(logits).subspan(size_t(row) * size, size),
                 kTolerance, "logits_merged");
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AdapterGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AdapterBaseGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AdapterVisualGolden);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AdapterMergedGolden);
INSTANTIATE_TEST_SUITE_P(Text, AdapterGolden, testing::ValuesIn(unmerged_cases()), name_of);
INSTANTIATE_TEST_SUITE_P(Text, AdapterBaseGolden, testing::ValuesIn(adapter_cases_with("logits_base")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, AdapterVisualGolden, testing::ValuesIn(adapter_cases_with("clip_feats")), name_of);
INSTANTIATE_TEST_SUITE_P(Text, AdapterMergedGolden, testing::ValuesIn(adapter_cases_with("logits_merged")), name_of);

}  // namespace orrery::text::golden
