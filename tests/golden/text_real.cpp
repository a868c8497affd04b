// Trained models: SmolLM2-135M-Instruct from the cache, stories260K from ../shared/data/weights.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/checkpoint_cache.h"
#include "orrery/text/convert/convert.h"
#include "orrery/text/convert/to_hub.h"
#include "tests/golden/text_compare.h"
#include "tests/golden/text_engine.h"
#include "tests/golden/text_folders.h"
#include "tests/golden/text_reference_llama.h"

namespace orrery::text::golden {

namespace {
namespace fs = std::filesystem;

int64_t argmax(std::span<const float> logits) { return std::ranges::max_element(logits) - logits.begin(); }

std::vector<fs::path> greedy_folders() {
  std::vector<fs::path> result = folders();
  std::erase_if(result, [](const fs::path& folder) { return kind_of(folder) != "smollm2-greedy"; });
  return result;
}
}  // namespace

class SmolLm2Golden : public testing::TestWithParam<fs::path> {
 protected:
  void SetUp() override {
    if (!fs::exists(model_cache() / "SmolLM2-135M-Instruct.Q4_1.gguf"))
      GTEST_SKIP() << "the default model is not in " << model_cache();
    checkpoint_ = Checkpoint::open("smollm2");
    prompts_ = nlohmann::json::parse(std::ifstream(GetParam() / "prompts.json"));
  }
  static std::string at(const char* name, size_t prompt) { return name + ("." + std::to_string(prompt)); }

  const Expected expected_{GetParam()};
  std::shared_ptr<const Checkpoint> checkpoint_;
  nlohmann::json prompts_;
};

TEST_P(SmolLm2Golden, PromptsHaveTheirIds) {
  for (size_t i = 0; i < prompts_.size(); ++i)
    EXPECT_EQ(checkpoint_->tokenizer().encode(std::string(prompts_[i].at("prompt"))),
              expected_.ids(at("prompt_ids", i)));
}

TEST_P(SmolLm2Golden, ReferenceGivesTheLogits) {
  const auto prompt = expected_.ids("prompt_ids.0");
  const auto ours = run_reference_llama(*checkpoint_, prompt);
  const int64_t vocab = checkpoint_->spec().vocab_size;
  expect_close(std::span(ours.logits).last(vocab), expected_.floats("logits.0"), kRealModelTolerance, "logits.0");
  const auto argmaxes = expected_.ids("prompt_argmax.0");
  for (size_t t = 0; t < prompt.size(); ++t)
    EXPECT_EQ(argmax(std::span(ours.logits).subspan(t * vocab, vocab)), argmaxes[t]) << "position " << t;
}

TEST_P(SmolLm2Golden, EngineGivesTheLogits) {
  Engine engine(checkpoint_, {.exact = true});
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const auto all = score(engine, expected_.ids(at("prompt_ids", i)));
    const auto last = std::span(all).last(checkpoint_->spec().vocab_size);
    const auto ids = expected_.ids(at("top10_ids", i));
    const auto logits = expected_.floats(at("top10_logits", i));
    for (size_t k = 0; k < ids.size(); ++k) EXPECT_NEAR(last[ids[k]], logits[k], kRealModelTolerance);
    if (expected_.has(at("logits", i)))
      expect_close(last, expected_.floats(at("logits", i)), kRealModelTolerance, "logits");
  }
}

// GGUF to a hub folder: the tokenizer says the same, the added tokens and the chat template among it.
TEST_P(SmolLm2Golden, HubFolderOfItHasItsTokens) {
  const auto folder = fs::path(testing::TempDir()) / ("smollm2-hub-" + std::to_string(getpid()));
  convert_to_hub("smollm2", folder, {.type = "BF16"});
  const auto hub = Checkpoint::open(folder.string());
  for (size_t i = 0; i < prompts_.size(); ++i) {
    const std::string prompt = prompts_[i].at("prompt");
    EXPECT_EQ(hub->tokenizer().encode(prompt), expected_.ids(at("prompt_ids", i)));
  }
  const std::string chat = "<|im_start|>user\nGrüße, 東 12 345\t!<|im_end|>\n";
  EXPECT_EQ(hub->tokenizer().encode(chat), checkpoint_->tokenizer().encode(chat));
  EXPECT_EQ(hub->tokenizer().chat_template, checkpoint_->tokenizer().chat_template);
  EXPECT_EQ(hub->tokenizer().end_of_generation, checkpoint_->tokenizer().end_of_generation);
  fs::remove_all(folder);
}

// Exact up to the first step whose two best logits lie closer together than float32's noise.
TEST_P(SmolLm2Golden, EngineGivesTheTokens) {
  constexpr float kNoise = 1e-3f;
  Engine engine(checkpoint_, {.exact = true});
  for (size_t i = 0; i < prompts_.size(); ++i) {
    auto expected = expected_.ids(at("output_ids", i));
    const auto margins = expected_.floats(at("step_margin", i));
    const auto certain = std::ranges::find_if(margins, [](float margin) { return margin < kNoise; }) - margins.begin();
    auto tokens = greedy(engine, expected_.ids(at("prompt_ids", i)), int64_t(expected.size()));
    ASSERT_EQ(tokens.size(), expected.size());
    tokens.resize(certain);
    expected.resize(certain);
    EXPECT_EQ(tokens, expected) << "prompt " << i;
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SmolLm2Golden);
INSTANTIATE_TEST_SUITE_P(Text, SmolLm2Golden, testing::ValuesIn(greedy_folders()), [](const auto& info) {
  std::string name = info.param.filename().string();
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});

class Stories260KGolden : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!fs::is_directory(folder_)) GTEST_SKIP() << folder_ << " is not there";
    checkpoint_ = Checkpoint::open((folder_ / GetParam()).string());
    golden_ = nlohmann::json::parse(std::ifstream(folder_ / "golden.json"));
    prompt_ = golden_.at("prompt_ids").get<std::vector<TokenId>>();
    output_ = golden_.at("greedy_ids").get<std::vector<TokenId>>();
  }
  const fs::path folder_ = data_root() / "weights" / "stories260K";
  std::shared_ptr<const Checkpoint> checkpoint_;
  nlohmann::json golden_;
  std::vector<TokenId> prompt_, output_;  // the output starts with the prompt
};

TEST_P(Stories260KGolden, PromptHasItsIds) {
  EXPECT_EQ(checkpoint_->tokenizer().encode(std::string(golden_.at("prompt"))), prompt_);
}

TEST_P(Stories260KGolden, ReferenceGivesTheTokens) {
  const auto ours = run_reference_llama(*checkpoint_, output_);
  const int64_t vocab = checkpoint_->spec().vocab_size;
  for (size_t t = prompt_.size() - 1; t + 1 < output_.size(); ++t)
    EXPECT_EQ(argmax(std::span(ours.logits).subspan(t * vocab, vocab)), output_[t + 1]) << "position " << t;
}

TEST_P(Stories260KGolden, EngineGivesTheTokens) {
  Engine engine(checkpoint_, {.exact = true});
  auto tokens = greedy(engine, prompt_, int64_t(output_.size() - prompt_.size()));
  tokens.insert(tokens.begin(), prompt_.begin(), prompt_.end());
  EXPECT_EQ(tokens, output_);
}

TEST_P(Stories260KGolden, GgufOfItGivesTheTokens) {
  if (checkpoint_->format() == "gguf") GTEST_SKIP() << "it is one already";
  const auto file = fs::path(testing::TempDir()) / ("stories260K-" + std::to_string(getpid()) + ".gguf");
  convert_to_gguf(checkpoint_->path().string(), file, {.type = "F32"});
  const auto converted = Checkpoint::open(file.string());
  fs::remove(file);
  EXPECT_EQ(converted->tokenizer().encode(std::string(golden_.at("prompt"))), prompt_);
  EXPECT_EQ(run_reference_llama(*converted, output_).logits, run_reference_llama(*checkpoint_, output_).logits);
}

INSTANTIATE_TEST_SUITE_P(Text, Stories260KGolden, testing::Values("stories260K.bin", "stories260K.gguf"),
                         [](const auto& info) { return info.param.substr(info.param.find('.') + 1); });

}  // namespace orrery::text::golden
