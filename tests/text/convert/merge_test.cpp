// Adapters folded into a model's weights.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "orrery/text/convert/convert.h"
#include "orrery/text/convert/merge.h"
#include "orrery/text/engine/engine.h"
#include "tests/text/tiny_adapter.h"

namespace orrery::text {
namespace {

namespace fs = std::filesystem;

class Merging : public testing::Test {
 protected:
  Merging() {
    fs::create_directories(folder_ / "base");
    write_tiny_model(folder_ / "base", tiny_config());
    spec_ = Checkpoint::open((folder_ / "base").string())->spec();
    write_tiny_lora(folder_ / "one", spec_, {.modules = {"q_proj", "k_proj", "v_proj", "down_proj"}, .seed = 1});
    write_tiny_lora(folder_ / "two", spec_, {.modules = {"q_proj", "gate_proj", "lm_head"}, .seed = 2});
  }

  std::vector<WeightedAdapter> both() const {
    return {{open_adapter(folder_ / "one"), 0.5f}, {open_adapter(folder_ / "two"), -1.5f}};
  }

  static std::vector<float> logits(const fs::path& model, const std::vector<WeightedAdapter>& adapters = {}) {
    Engine engine(Checkpoint::open(model.string()), {.threads = 2, .exact = true});
    std::vector<AdapterUse> uses;
    for (const WeightedAdapter& weighted : adapters) {
      uses.push_back({std::to_string(uses.size()), weighted.weight});
      engine.load_adapter(uses.back().name, weighted.adapter);
    }
    std::vector<float> all;
    const std::vector<TokenId> tokens = {1, 7, 23, 95, 4, 4, 60, 31};
    engine.score(
        tokens, [&](int64_t, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); }, {}, uses);
    return all;
  }

  static void expect_near(const std::vector<float>& a, const std::vector<float>& b, float tolerance) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance) << i;
  }

  // Neither the output nor what was being made of it.
  void expect_nothing_written() const {
    for (const auto& entry : fs::directory_iterator(folder_.path()))
      EXPECT_EQ(entry.path().filename().string().find("out"), std::string::npos) << entry.path();
  }

  std::string why(const fs::path& model, const std::vector<WeightedAdapter>& adapters, const fs::path& output) {
    return error_of([&] { merge_adapters(model.string(), adapters, output, {}); });
  }

  TempFolder folder_;
  DecoderSpec spec_;
};

TEST_F(Merging, AFolderAnswersAsTheBaseWithItsAdapters) {
  const MergeSummary summary = merge_adapters((folder_ / "base").string(), both(), folder_ / "out", {});
  EXPECT_EQ(summary.changed, 2 * 5 + 1);  // q has both
  ASSERT_TRUE(summary.largest_logit_change) << summary.not_compared;
  EXPECT_LT(*summary.largest_logit_change, 1e-3f);
  expect_near(logits(folder_ / "out"), logits(folder_ / "base", both()), 1e-4f);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "out"), {}), 2);  // config.json and the weights
}

TEST_F(Merging, RowsOfQueriesAndKeysFollowTheBaseIntoGguf) {
  const std::vector<float> expected = logits(folder_ / "base", both());
  merge_adapters((folder_ / "base").string(), both(), folder_ / "from-hub.gguf", {});
  expect_near(logits(folder_ / "from-hub.gguf"), expected, 1e-4f);
  convert_to_gguf((folder_ / "base").string(), folder_ / "base.gguf", {.type = "F32", .name = {}, .progress = {}});
  const MergeSummary summary = merge_adapters((folder_ / "base.gguf").string(), both(), folder_ / "from-gguf.gguf", {});
  EXPECT_EQ(summary.changed, 2 * 5 + 1);
  expect_near(logits(folder_ / "from-gguf.gguf"), expected, 1e-4f);
  merge_adapters((folder_ / "base.gguf").string(), both(), folder_ / "from-gguf", {});
  expect_near(logits(folder_ / "from-gguf"), expected, 1e-4f);
}

TEST_F(Merging, HalfPrecisionStaysHalfPrecision) {
  convert_to_gguf((folder_ / "base").string(), folder_ / "base.gguf", {.type = "F16", .name = {}, .progress = {}});
  merge_adapters((folder_ / "base.gguf").string(), both(), folder_ / "merged.gguf", {});
  const auto merged = Checkpoint::open((folder_ / "merged.gguf").string());
  EXPECT_EQ(merged->tensor("model.layers.0.self_attn.q_proj.weight")->dtype, DType::kF16);
  expect_near(logits(folder_ / "merged.gguf"), logits(folder_ / "base.gguf", both()), 0.05f);  // rounded to 11 bits
}

TEST_F(Merging, QuantisedBlocksAreRefusedByNameAndNothingIsWritten) {
  convert_to_gguf((folder_ / "base").string(), folder_ / "base.gguf", {.type = "Q8_0", .name = {}, .progress = {}});
  expect_contains(why(folder_ / "base.gguf", both(), folder_ / "out.gguf"), {"blk.0.", "q8_0", "quantise the result"});
  expect_nothing_written();
}

TEST_F(Merging, WhatCannotBePartOfWeightsIsNamed) {
  const auto llama_adapter = [&](const auto& edit) {
    Adapter adapter = tiny_llama_adapter(spec_, 3);
    edit(adapter);
    return std::vector<WeightedAdapter>{{adapter, 1}};
  };
  const auto without_biases = [](Adapter& adapter) {
    for (LinearChange& change : adapter.linears) change.bias = {};
  };
  const fs::path base = folder_ / "base", out = folder_ / "out";
  expect_contains(why(base, llama_adapter([](Adapter&) {}), out), {"prompts in 2 layers"});
  expect_contains(why(base, llama_adapter([](Adapter& a) { a.prompts.clear(); }), out), {"a bias of model.layers.0"});
  std::vector<WeightedAdapter> weighted = llama_adapter([&](Adapter& a) {
    a.prompts.clear();
    without_biases(a);
  });
  const std::vector<WeightedAdapter> scaled = weighted;
  weighted[0].weight = 0.5f;
  expect_contains(why(base, weighted, out), {"weight 0.5", "weight 1"});
  expect_contains(why(base, {scaled[0], scaled[0]}, out), {"twice"});
  expect_nothing_written();
  merge_adapters(base.string(), scaled, folder_ / "scaled", {});
  expect_near(logits(folder_ / "scaled"), logits(base, scaled), 1e-4f);
  fs::create_directories(out);
  expect_contains(why(base, both(), out), {"out", "there already"});
}

}  // namespace
}  // namespace orrery::text
