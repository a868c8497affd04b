#include "orrery/text/checkpoint.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "orrery/base/error.h"
#include "orrery/text/checkpoint_cache.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {

TEST(Checkpoint, HubFolderGivesSpecAndCanonicalTensors) {
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config());
  const auto checkpoint = Checkpoint::open(folder.path().string());
  EXPECT_EQ(checkpoint->format(), "safetensors");
  EXPECT_EQ(checkpoint->spec().family, "llama");
  EXPECT_EQ(checkpoint->spec().head_dim, 16);
  EXPECT_EQ(checkpoint->spec().kv_heads, 2);
  EXPECT_EQ(checkpoint->spec().rope.layout, RopeLayout::kHalf);
  ASSERT_NE(checkpoint->tensor("model.layers.1.self_attn.k_proj.weight"), nullptr);
  EXPECT_EQ(checkpoint->tensor("model.layers.1.self_attn.k_proj.weight")->shape, (std::vector<int64_t>{32, 64}));
  EXPECT_EQ(checkpoint->tensor("model.layers.2.self_attn.k_proj.weight"), nullptr);
  EXPECT_FALSE(checkpoint->has_tokenizer());
  expect_contains(error_of([&] { checkpoint->tokenizer(); }), {"tokenizer.json"});
  // 2 * (64*64*2 + 64*32*2 + 3*64*96 + 2*64) + 64 + 2*96*64, counted by hand.
  EXPECT_EQ(checkpoint->spec().parameters, 74048);
}

TEST(Checkpoint, OneFileOfAFolderChoosesConfigOrWeights) {
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config());
  std::ofstream(folder / "config.long.json") << tiny_config({{"max_position_embeddings", 4096}}).dump();
  EXPECT_EQ(Checkpoint::open((folder / "config.long.json").string())->spec().context_length, 4096);
  EXPECT_EQ(Checkpoint::open((folder / "model.safetensors").string())->spec().context_length, 2048);
}

TEST(Checkpoint, MissingMisshapenAndSurplusTensorsAreNamed) {
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config(), [](TinyTensors& tensors) {
    tensors.remove("model.layers.1.mlp.up_proj.weight");
    tensors.remove("model.norm.weight");
    tensors.remove("model.layers.0.self_attn.v_proj.weight");
    tensors.add("model.layers.0.self_attn.v_proj.weight", {64, 64});
    tensors.add("model.layers.0.self_attn.q_proj.bias", {64});
  });
  expect_contains(error_of([&] { Checkpoint::open(folder.path().string()); }),
                  {"missing tensors: model.layers.1.mlp.up_proj.weight, model.norm.weight",
                   "model.layers.0.self_attn.v_proj.weight [64, 64] instead of [32, 64]",
                   "no use for: model.layers.0.self_attn.q_proj.bias"});
}

TEST(Checkpoint, ObsoleteBuffersAndATiedHeadAreNoSurplus) {
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config({{"tie_word_embeddings", true}}), [](TinyTensors& tensors) {
    tensors.add("model.layers.0.self_attn.rotary_emb.inv_freq", {8});
    tensors.add("lm_head.weight", {96, 64});
  });
  const auto checkpoint = Checkpoint::open(folder.path().string());
  EXPECT_TRUE(checkpoint->spec().tied_embeddings);
  EXPECT_EQ(checkpoint->tensor("lm_head.weight"), nullptr);
}

TEST(Checkpoint, BiasesAreTensorsWhereTheConfigHasThem) {
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config({{"attention_bias", true}, {"mlp_bias", true}}));
  const auto checkpoint = Checkpoint::open(folder.path().string());
  EXPECT_TRUE(checkpoint->spec().qkv_bias && checkpoint->spec().o_bias && checkpoint->spec().mlp_bias);
  for (const char* name : {"self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj"})
    EXPECT_NE(checkpoint->tensor(std::string("model.layers.1.") + name + ".bias"), nullptr) << name;
}

TEST(Checkpoint, ALayerCountThatLiesCostsNothing) {
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config());
  std::ofstream(folder / "config.json") << tiny_config({{"num_hidden_layers", 2'000'000'000}}).dump();
  expect_contains(error_of([&] { Checkpoint::open(folder.path().string()); }), {"those of 2000000000 layers"});
}

TEST(Checkpoint, EachRefusalNamesWhatWasLookedFor) {
  TempFolder folder;
  const auto open = [&](const std::string& model) { return error_of([&] { Checkpoint::open(model); }); };
  expect_contains(open((folder / "gone.gguf").string()), {"gone.gguf", "nothing there"});
  expect_contains(open(folder.path().string()), {"no config.json"});
  std::ofstream(folder / "config.json") << tiny_config().dump();
  expect_contains(open(folder.path().string()), {"pytorch_model.bin.index.json"});
  std::ofstream(folder / "notes.txt") << "hello";
  expect_contains(open((folder / "notes.txt").string()), {".gguf"});
  std::ofstream(folder / "empty.gguf");
  expect_contains(open((folder / "empty.gguf").string()), {"empty.gguf"});
}

TEST(CheckpointCache, FindsShortNamesAndListsThem) {
  TempFolder folder;
  const std::string before = std::getenv("XDG_CACHE_HOME") ? std::getenv("XDG_CACHE_HOME") : "";
  setenv("XDG_CACHE_HOME", folder.path().c_str(), 1);
  EXPECT_EQ(model_cache(), folder / "orrery/models");
  expect_contains(error_of([] { find_model("smollm2"); }), {"is empty"});

  std::filesystem::create_directories(model_cache());
  std::ofstream(model_cache() / "SmolLM2-135M-Instruct.Q4_1.gguf");
  std::ofstream(model_cache() / "tiny.gguf");
  EXPECT_EQ(find_model("smollm2"), model_cache() / "SmolLM2-135M-Instruct.Q4_1.gguf");
  EXPECT_EQ(find_model("tiny"), model_cache() / "tiny.gguf");
  EXPECT_EQ(find_model("tiny.gguf"), model_cache() / "tiny.gguf");
  expect_contains(error_of([] { find_model("tinny"); }), {"tinny", "holds: smollm2", "tiny"});
  before.empty() ? unsetenv("XDG_CACHE_HOME") : setenv("XDG_CACHE_HOME", before.c_str(), 1);
}

}  // namespace orrery::text
