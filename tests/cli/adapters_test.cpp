// --adapter of run, merge, and what inspect says of adapters.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/formats/safetensors.h"
#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;

#define NEEDS_STORIES_GGUF \
  ORRERY_NEEDS(stories, shared("data/weights/stories260K/stories260K.gguf"), "../shared/data/weights is missing")
#define NEEDS_GOLDEN(variable, folder) \
  ORRERY_NEEDS(variable, shared("golden/text/" folder), "../shared/golden/text/" folder " is missing")

// A PEFT folder for stories260K: rank 1 on the first layer's output projection.
std::string write_lora(const TemporaryFolder& folder) {
  folder.file("adapter_config.json", R"({"peft_type":"LORA","r":1,"lora_alpha":1,"target_modules":["o_proj"],
    "layers_to_transform":[0]})");
  std::vector<float> a(64), b(64);
  for (int i = 0; i < 64; ++i) a[i] = float(i % 7 - 3), b[i] = float(i % 5 - 2);
  const auto view = [](const char* half, const std::vector<float>& values, std::vector<int64_t> shape) {
    return TensorView{.name = std::string("base_model.model.model.layers.0.self_attn.o_proj.lora_") + half + ".weight",
                      .dtype = DType::kF32,
                      .shape = std::move(shape),
                      .data = reinterpret_cast<const std::byte*>(values.data()),
                      .bytes = 64 * 4};
  };
  const TensorView tensors[] = {view("A", a, {1, 64}), view("B", b, {64, 1})};
  formats::write_safetensors(folder.path("adapter_model.safetensors"), tensors);
  return folder.path("");
}

TEST(Adapters, RunPutsThemOnTheModelWithTheirWeights) {
  NEEDS_STORIES_GGUF;
  const TemporaryFolder folder;
  const std::string lora = write_lora(folder);
  const auto answer = [&](const Words& adapters) {
    Words words = {"run", *stories, "Once upon a time", "--raw", "--temperature", "0", "--max-tokens", "30"};
    words.insert(words.end(), adapters.begin(), adapters.end());
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  };
  const std::string plain = answer({}), changed = answer({"--adapter", lora});
  EXPECT_NE(changed, plain);
  EXPECT_EQ(answer({"--lora", lora + ":0"}), plain);
  EXPECT_EQ(answer({"--lora", lora + ":1.0"}), changed);
}

TEST(Adapters, AWrongOneIsOneLineThatNamesIt) {
  NEEDS_STORIES_GGUF;
  NEEDS_GOLDEN(other, "llama-adapter-v1");
  for (const std::string& adapter : {std::string("/nowhere/lora"), *other + "/adapter.pth"}) {
    const Outcome outcome = orrery({"run", *stories, "Once", "--raw", "--adapter", adapter});
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
    EXPECT_NE(outcome.err.find(adapter), std::string::npos) << outcome.err;
  }
}

TEST(Adapters, MergeSaysHowFarTheLogitsMoved) {
  NEEDS_GOLDEN(lora, "lora");
  const TemporaryFolder folder;
  const Outcome outcome = orrery({"merge", *lora, *lora + ":0.5", "--out", folder.path("merged"), "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json result = json::parse(outcome.out);
  EXPECT_EQ(result["changed"], 4);
  EXPECT_LT(result["largest_logit_change"].get<double>(), 1e-3);
  EXPECT_EQ(folder.names(), Words{"merged"});
  const Outcome again = orrery({"merge", *lora, *lora, "--out", folder.path("merged")});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("there already"), std::string::npos) << again.err;
}

TEST(Adapters, InspectSaysWhatOneIs) {
  NEEDS_GOLDEN(lora, "lora");
  NEEDS_GOLDEN(v2, "llama-adapter-v2");
  const json of_lora = json::parse(orrery({"inspect", *lora + "/adapter_model.safetensors", "--json"}).out);
  EXPECT_EQ(of_lora["adapter"]["kind"], "LoRA");
  EXPECT_EQ(of_lora["adapter"]["modules"], json({"q_proj", "v_proj"}));
  EXPECT_EQ(of_lora["adapter"]["ranks"], json({4}));
  EXPECT_EQ(of_lora["tensors"].size(), 8u);
  EXPECT_FALSE(of_lora.contains("problem"));
  const Outcome of_v2 = orrery({"inspect", *v2 + "/adapter.pth"});
  EXPECT_EQ(of_v2.exit_code, 0) << of_v2.err;
  EXPECT_NE(of_v2.out.find("LLaMA-Adapter V2, "), std::string::npos) << of_v2.out;
  EXPECT_NE(of_v2.out.find("14 biases; 14 input scales; 5 tensors replaced; prompts of 4 in layers 1 to 1"),
            std::string::npos)
      << of_v2.out;
}

}  // namespace
}  // namespace orrery::cli_test
