// Meta's layout, whole and cut for model parallelism.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "orrery/formats/safetensors.h"
#include "orrery/text/checkpoint.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {

namespace {
using Json = nlohmann::json;

// tiny_config()'s model in Meta's words: 96 = 32 · ceil(int(0.56 · int(2 · 4 · 64 / 3)) / 32).
Json tiny_params(const Json& changes = Json::object()) {
  Json params = {{"dim", 64},         {"n_layers", 2},     {"n_heads", 4},
                 {"n_kv_heads", 2},   {"vocab_size", -1},  {"multiple_of", 32},
                 {"norm_eps", 1e-05}, {"rope_theta", 1e4}, {"ffn_dim_multiplier", 0.56}};
  params.merge_patch(changes);
  return params;
}

enum class Cut { kNone, kRows, kCols };

struct MetaTensor {
  std::string name;
  std::vector<int64_t> shape;
  Cut cut = Cut::kNone;
};

std::vector<MetaTensor> tiny_tensors(Cut embedding) {
  std::vector<MetaTensor> all = {
      {"tok_embeddings.weight", {96, 64}, embedding}, {"norm.weight", {64}}, {"output.weight", {96, 64}, Cut::kRows}};
  for (int layer = 0; layer < 2; ++layer) {
    const std::string prefix = "layers." + std::to_string(layer) + ".";
    all.insert(all.end(), {{prefix + "attention_norm.weight", {64}},
                           {prefix + "ffn_norm.weight", {64}},
                           {prefix + "attention.wq.weight", {64, 64}, Cut::kRows},
                           {prefix + "attention.wk.weight", {32, 64}, Cut::kRows},
                           {prefix + "attention.wv.weight", {32, 64}, Cut::kRows},
                           {prefix + "attention.wo.weight", {64, 64}, Cut::kCols},
                           {prefix + "feed_forward.w1.weight", {96, 64}, Cut::kRows},
                           {prefix + "feed_forward.w2.weight", {64, 96}, Cut::kCols},
                           {prefix + "feed_forward.w3.weight", {96, 64}, Cut::kRows}});
  }
  all.push_back({"rope.freqs", {8}});
  return all;
}

// The entry at [row, col] of every tensor, so that a joined one can be checked by eye.
float value_at(int64_t row, int64_t col) { return float(row) + float(col) / 128; }

// Shard files hold safetensors under Meta's name: what a file is, its bytes say.
void write_shards(const std::filesystem::path& folder, int64_t count, Cut embedding) {
  for (int64_t shard = 0; shard < count; ++shard) {
    TinyTensors tensors;
    for (const MetaTensor& tensor : tiny_tensors(embedding)) {
      std::vector<int64_t> shape = tensor.shape;
      if (tensor.cut == Cut::kRows) shape.front() /= count;
      if (tensor.cut == Cut::kCols) shape.back() /= count;
      tensors.add(tensor.name, shape);
      const int64_t rows = shape.size() == 2 ? shape[0] : 1, cols = shape.back();
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t col = 0; col < cols; ++col)
          tensors.values.back()[row * cols + col] = value_at(row + (tensor.cut == Cut::kRows ? shard * rows : 0),
                                                             col + (tensor.cut == Cut::kCols ? shard * cols : 0));
    }
    formats::write_safetensors(folder / ("consolidated.0" + std::to_string(shard) + ".pth"), tensors.views);
  }
}

void write_json(const std::filesystem::path& file, const Json& json) { std::ofstream(file) << json.dump(); }
}  // namespace

TEST(MetaCheckpoint, ParamsGiveTheSpec) {
  TempFolder folder;
  write_shards(folder.path(), 1, Cut::kCols);
  write_json(folder / "params.json", tiny_params());
  for (const auto& path : {folder.path(), folder / "params.json", folder / "consolidated.00.pth"}) {
    const auto checkpoint = Checkpoint::open(path.string());
    const DecoderSpec& spec = checkpoint->spec();
    EXPECT_EQ(spec.vocab_size, 96);
    EXPECT_EQ(spec.intermediate_size, 96);
    EXPECT_EQ(spec.kv_heads, 2);
    EXPECT_EQ(spec.context_length, 4096);
    EXPECT_EQ(spec.rope.layout, RopeLayout::kInterleaved);
    EXPECT_EQ(spec.parameters, 74048);  // as the same model in the hub's names
    EXPECT_EQ(checkpoint->tensors().size(), 21u) << "rope.freqs is no weight";
  }
}

TEST(MetaCheckpoint, ShardsAreJoinedTheWayTheyWereCut) {
  for (Cut embedding : {Cut::kCols, Cut::kRows})  // LLaMA 1 and 2; Llama 3
    for (int64_t count : {2, 4}) {
      TempFolder folder;
      write_shards(folder.path(), count, embedding);
      write_json(folder / "params.json", tiny_params());
      const auto checkpoint = Checkpoint::open(folder.path().string());
      EXPECT_EQ(checkpoint->spec().vocab_size, 96);
      for (const MetaTensor& expected : tiny_tensors(embedding)) {
        if (expected.name == "rope.freqs") continue;
        const TensorView* tensor = checkpoint->find(expected.name);
        ASSERT_NE(tensor, nullptr) << expected.name;
        ASSERT_EQ(tensor->shape, expected.shape) << expected.name;
        std::vector<float> values(tensor->elements());
        std::memcpy(values.data(), tensor->data, tensor->bytes);
        for (int64_t i = 0; i < tensor->elements(); ++i)
          ASSERT_EQ(values[i], value_at(i / tensor->cols(), i % tensor->cols())) << expected.name << " entry " << i;
      }
    }
}

TEST(MetaCheckpoint, Llama3ScalingDependsOnTheTiedHead) {
  TempFolder folder;
  write_shards(folder.path(), 1, Cut::kRows);
  write_json(folder / "params.json", tiny_params({{"use_scaled_rope", true}, {"rope_theta", 500000.0}}));
  const DecoderSpec spec = Checkpoint::open(folder.path().string())->spec();
  EXPECT_EQ(spec.rope.scaling, RopeSpec::Scaling::kLlama3);
  EXPECT_EQ(spec.rope.factor, 8);
  EXPECT_EQ(spec.context_length, 131072);
}

TEST(MetaCheckpoint, WhatDoesNotFitIsNamed) {
  TempFolder folder;
  write_shards(folder.path(), 2, Cut::kCols);
  const auto open = [&](const Json& params) {
    write_json(folder / "params.json", params);
    return error_of([&] { Checkpoint::open(folder.path().string()); });
  };
  expect_contains(open(tiny_params({{"multiple_of", 256}})),
                  {"params.json, multiple_of", "width of 256", "96 rows of layers.0.feed_forward.w1.weight"});
  expect_contains(open(tiny_params({{"quantization_args", {{"group_size", 32}}}})), {"quantization_args"});
  expect_contains(open(tiny_params({{"vocab_size", 0}})), {"vocab_size", "-1 for the embedding's"});
  expect_contains(open(tiny_params({{"n_layers", 3}})), {"missing tensors: layers.2."});
  expect_contains(open(tiny_params({{"n_layers", 1'000'000'000}})), {"those of 1000000000 layers"});
  expect_contains(open(tiny_params({{"ffn_dim_multiplier", -1}})), {"ffn_dim_multiplier", "positive"});
  std::filesystem::rename(folder / "consolidated.01.pth", folder / "consolidated.02.pth");
  expect_contains(open(tiny_params()), {"2 shards and no consolidated.01.pth"});
  std::filesystem::remove(folder / "consolidated.02.pth");
  expect_contains(open(tiny_params({{"vocab_size", 96}})), {"width of 96", "48 rows"});
}

}  // namespace orrery::text
