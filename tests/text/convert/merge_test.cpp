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

/// Rows of W + scale·B·A at the adapter's lengths (Liu et al. 2024, eq. 5), whatever order the base has them in.
TEST_F(Merging, DoraGivesRowsTheirLengths) {
  write_tiny_lora(folder_ / "dora", spec_, {.modules = {"q_proj", "down_proj"}, .changes = {{"use_dora", true}}});
  const std::vector<WeightedAdapter> dora = {{open_adapter(folder_ / "dora"), 1}};
  const fs::path base = folder_ / "base";
  const MergeSummary summary = merge_adapters(base.string(), dora, folder_ / "merged", {});
  EXPECT_EQ(summary.changed, 4);
  expect_contains(summary.not_compared, {"DoRA", "orrery merge"});
  const auto before = Checkpoint::open(base.string()), after = Checkpoint::open((folder_ / "merged").string());
  for (const LinearChange& change : bind(dora[0].adapter, spec_).linears) {
    const auto floats = [](const TensorView& view) { return reinterpret_cast<const float*>(view.data); };
    const TensorView &from = *before->tensor(change.module + ".weight"),
                     &to = *after->tensor(change.module + ".weight");
    for (int64_t row = 0; row < from.rows(); ++row) {
      std::vector<double> values(static_cast<size_t>(from.cols()));
      double squares = 0;
      for (int64_t i = 0; i < from.cols(); ++i) {
        values[i] = floats(from)[row * from.cols() + i];
        for (int64_t r = 0; r < 4; ++r)
          values[i] += change.scale * floats(change.b)[row * 4 + r] * floats(change.a)[r * from.cols() + i];
        squares += values[i] * values[i];
      }
      for (int64_t i = 0; i < from.cols(); ++i)
        ASSERT_NEAR(floats(to)[row * from.cols() + i], floats(change.magnitude)[row] * values[i] / std::sqrt(squares),
                    1e-5)
            << change.module << " " << row << " " << i;
    }
  }
  convert_to_gguf(base.string(), folder_ / "base.gguf", {.type = "F32", .name = {}, .progress = {}});
  merge_adapters((folder_ / "base.gguf").string(), dora, folder_ / "merged.gguf", {});
  expect_near(logits(folder_ / "merged.gguf"), logits(folder_ / "merged"), 1e-4f);

  const WeightedAdapter lora = both()[0], half = {dora[0].adapter, 0.5f};
  expect_contains(why(base, {half}, folder_ / "out"), {"weight 0.5", "weight 1"});
  for (const std::vector<WeightedAdapter>& two : {std::vector{dora[0], lora}, std::vector{lora, dora[0]}})
    expect_contains(why(base, two, folder_ / "out"), {"DoRA of model.layers.0", "another adapter"});
  expect_contains(error_of([&] { logits(base, dora); }), {"DoRA", "as LoRA does", "orrery merge"});
  expect_nothing_written();
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
