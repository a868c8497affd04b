#include "orrery/text/convert/convert.h"

#include <gtest/gtest.h>

#include <cmath>

#include <cstring>

#include "orrery/formats/gguf.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/convert/vocabulary.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {

namespace {

/// Converts a tiny model with these changes to its config and opens the result.
std::shared_ptr<const Checkpoint> converted(const TempFolder& folder, const nlohmann::json& changes,
                                            const char* type = "F32") {
  write_tiny_model(folder.path(), tiny_config(changes));
  convert_to_gguf(folder.path().string(), folder / "model.gguf", {.type = type});
  return Checkpoint::open((folder / "model.gguf").string());
}

std::vector<float> row(const Checkpoint& checkpoint, const char* tensor, int64_t index) {
  const TensorView& view = *checkpoint.tensor(tensor);
  std::vector<float> values(view.cols());
  std::memcpy(values.data(), view.data + index * view.cols() * 4, view.cols() * 4);
  return values;
}

}  // namespace

TEST(Convert, SpecSurvives) {
  TempFolder folder;
  const auto gguf = converted(folder, {{"head_dim", 24}, {"rope_theta", 5e5}, {"attention_bias", true}});
  const auto hub = Checkpoint::open(folder.path().string());
  const DecoderSpec &a = hub->spec(), &b = gguf->spec();
  EXPECT_EQ(gguf->format(), "gguf");
  EXPECT_EQ(b.family, "llama");
  EXPECT_EQ(a.vocab_size, b.vocab_size);
  EXPECT_EQ(a.hidden_size, b.hidden_size);
  EXPECT_EQ(a.layers, b.layers);
  EXPECT_EQ(a.heads, b.heads);
  EXPECT_EQ(a.kv_heads, b.kv_heads);
  EXPECT_EQ(a.head_dim, b.head_dim);
  EXPECT_EQ(a.intermediate_size, b.intermediate_size);
  EXPECT_EQ(a.context_length, b.context_length);
  EXPECT_EQ(float(a.norm_eps), float(b.norm_eps));
  EXPECT_EQ(a.rope.theta, b.rope.theta);
  EXPECT_EQ(a.rope.dim, b.rope.dim);
  EXPECT_EQ(a.parameters, b.parameters);
  EXPECT_TRUE(b.qkv_bias && b.o_bias && !b.mlp_bias && !b.tied_embeddings);
}

TEST(Convert, RotatedRowsBecomeNeighbours) {
  TempFolder folder;
  const auto gguf = converted(folder, {});
  const auto hub = Checkpoint::open(folder.path().string());
  EXPECT_EQ(gguf->spec().rope.layout, RopeLayout::kInterleaved);
  // Heads of 16: row 2i of a head is the hub's i, row 2i + 1 the hub's i + 8.
  for (const char* tensor : {"model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight"}) {
    EXPECT_EQ(row(*gguf, tensor, 16 + 0), row(*hub, tensor, 16 + 0)) << tensor;
    EXPECT_EQ(row(*gguf, tensor, 16 + 1), row(*hub, tensor, 16 + 8)) << tensor;
    EXPECT_EQ(row(*gguf, tensor, 16 + 6), row(*hub, tensor, 16 + 3)) << tensor;
    EXPECT_EQ(row(*gguf, tensor, 16 + 15), row(*hub, tensor, 16 + 15)) << tensor;
  }
  EXPECT_EQ(row(*gguf, "model.layers.0.self_attn.v_proj.weight", 5),
            row(*hub, "model.layers.0.self_attn.v_proj.weight", 5));
}

TEST(Convert, VectorsAreF32AndMatricesAsAsked) {
  TempFolder folder;
  const auto gguf = converted(folder, {{"attention_bias", true}}, "Q8_0");
  EXPECT_EQ(gguf->find("blk.0.attn_q.weight")->dtype, DType::kQ8_0);
  EXPECT_EQ(gguf->find("token_embd.weight")->dtype, DType::kQ8_0);
  EXPECT_EQ(gguf->find("blk.0.attn_q.bias")->dtype, DType::kF32);
  EXPECT_EQ(gguf->find("blk.1.ffn_norm.weight")->dtype, DType::kF32);
}

TEST(Convert, RopeScalingSurvives) {
  const auto rope = [](const nlohmann::json& scaling) {
    TempFolder folder;
    return converted(folder, {{"rope_scaling", scaling}})->spec().rope;
  };
  const RopeSpec linear = rope({{"type", "linear"}, {"factor", 4.0}});
  EXPECT_EQ(linear.scaling, RopeSpec::Scaling::kLinear);
  EXPECT_EQ(linear.factor, 4.0);

  const RopeSpec yarn = rope({{"type", "yarn"},
                              {"factor", 4.0},
                              {"original_max_position_embeddings", 512},
                              {"attention_factor", 1.25},
                              {"beta_fast", 16.0}});
  EXPECT_EQ(yarn.scaling, RopeSpec::Scaling::kYarn);
  EXPECT_EQ(yarn.factor, 4.0);
  EXPECT_EQ(yarn.original_context, 512);
  EXPECT_EQ(yarn.beta_fast, 16.0);
  EXPECT_NEAR(yarn.attention_factor, 1.25, 1e-6);

  // head_dim 16, theta 1e4, context 8192: pair 0 turns 1304 times (stays), pair 7 0.4 times (divided by 8), pair 6 1.3
  // times: between.
  const RopeSpec llama3 = rope({{"rope_type", "llama3"},
                                {"factor", 8.0},
                                {"low_freq_factor", 1.0},
                                {"high_freq_factor", 4.0},
                                {"original_max_position_embeddings", 8192}});
  EXPECT_EQ(llama3.scaling, RopeSpec::Scaling::kFactors);
  ASSERT_EQ(llama3.factors.size(), 8u);
  EXPECT_EQ(llama3.factors[0], 1.0f);
  EXPECT_EQ(llama3.factors[7], 8.0f);
  EXPECT_GT(llama3.factors[6], 1.0f);
  EXPECT_LT(llama3.factors[6], 8.0f);

  const std::vector<double> long_factor = {1, 2, 3, 4, 5, 6, 7, 8}, short_factor(8, 1.25);
  const RopeSpec longrope = rope({{"type", "longrope"},
                                  {"long_factor", long_factor},
                                  {"short_factor", short_factor},
                                  {"original_max_position_embeddings", 512}});
  EXPECT_EQ(longrope.scaling, RopeSpec::Scaling::kLongRope);
  EXPECT_EQ(longrope.original_context, 512);
  EXPECT_EQ(longrope.factors, std::vector<float>(long_factor.begin(), long_factor.end()));
  EXPECT_EQ(longrope.short_factors, std::vector<float>(8, 1.25f));
  EXPECT_NEAR(longrope.attention_factor, std::sqrt(1 + std::log(4.0) / std::log(512.0)), 1e-6);
  expect_contains(error_of([&] { rope({{"type", "dynamic"}, {"factor", 2.0}}); }), {"dynamic", "longrope"});
}

TEST(Convert, RefusesGguf) {
  TempFolder folder;
  converted(folder, {});
  expect_contains(error_of([&] { convert_to_gguf((folder / "model.gguf").string(), folder / "again.gguf", {}); }),
                  {"a GGUF file", "quantize"});
}

TEST(PreKind, NamesTheSplittersOfHubModels) {
  const auto byte_level = [](bool regex) {
    return nlohmann::json{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", regex}};
  };
  const auto sequence = [](std::vector<nlohmann::json> parts) {
    return nlohmann::json{{"type", "Sequence"}, {"pretokenizers", parts}};
  };
  const nlohmann::json digits = {{"type", "Digits"}, {"individual_digits", true}};
  EXPECT_EQ(pre_kind(byte_level(true), "f"), "gpt-2");
  EXPECT_EQ(pre_kind(sequence({digits, byte_level(true)}), "f"), "smollm");
  const char* llama3 =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  const nlohmann::json split = {
      {"type", "Split"}, {"pattern", {{"Regex", llama3}}}, {"behavior", "Isolated"}, {"invert", false}};
  EXPECT_EQ(pre_kind(sequence({split, byte_level(false)}), "f"), "llama-bpe");
  expect_contains(error_of([&] {
                    pre_kind(sequence({split, digits}), "tokenizer.json");
                  }),
                  {"tokenizer.json", "digits", "llama-bpe"});
  expect_contains(error_of([&] { pre_kind({{"type", "Whitespace"}}, "f"); }), {"Whitespace"});
}

namespace {
/// The tokenizer fixtures, in the checkout.
std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(ORRERY_SOURCE_DIR) / "tests/fixtures/golden/text" / name;
}
}  // namespace

TEST(Vocabulary, SentencePieceModelAndItsJsonAgree) {
  TempFolder json;
  std::filesystem::copy(fixture("tokenizer-sp-bpe") / "tokenizer.json", json / "tokenizer.json");
  const Vocabulary a = read_vocabulary(fixture("tokenizer-sp-bpe"), 512), b = read_vocabulary(json.path(), 512);
  EXPECT_EQ(a.model, "llama");
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.kinds, b.kinds);
  EXPECT_TRUE(a.add_space_prefix && b.add_space_prefix);
  EXPECT_EQ(a.tokens[511], "[PAD511]");
  EXPECT_EQ(a.kinds[511], TokenKind::kUnused);
  EXPECT_EQ(a.kinds[0], TokenKind::kUnknown);
  EXPECT_EQ(a.kinds[1], TokenKind::kControl);
  EXPECT_EQ(a.kinds[3], TokenKind::kByte);
  // 259 to 438 are the pieces that merges make, best first.
  for (size_t i = 259; i < 438; ++i) {
    EXPECT_GT(a.scores[i], a.scores[i + 1]) << i;
    EXPECT_GT(b.scores[i], b.scores[i + 1]) << i;
  }
}

TEST(Vocabulary, TiktokenRanksBecomeMerges) {
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config({{"vocab_size", 528}}));
  std::filesystem::copy(
      std::filesystem::path(ORRERY_SOURCE_DIR) / "tests/fixtures/corpus/tokenizer_tiktoken/small.model",
      folder / "tokenizer.model");
  convert_to_gguf(folder.path().string(), folder / "model.gguf", {.type = "F32"});
  const auto hub = Checkpoint::open(folder.path().string()), gguf = Checkpoint::open((folder / "model.gguf").string());
  for (const char* text : {"hello the hell in 12345", "  \n\n é<|eot_id|>thehello", ""})
    EXPECT_EQ(gguf->tokenizer().encode(text), hub->tokenizer().encode(text)) << text;
  EXPECT_EQ(gguf->tokenizer().end_of_generation, hub->tokenizer().end_of_generation);
}

TEST(Vocabulary, IdsPastTheModelAreRefused) {
  expect_contains(error_of([] { read_vocabulary(fixture("tokenizer-sp-bpe"), 499); }),
                  {"id 499", "below the model's 499"});
}

TEST(Vocabulary, UnigramIsRefused) {
  expect_contains(error_of([] { read_vocabulary(fixture("tokenizer-sp-unigram"), 500); }), {"Unigram", "BPE"});
}

}  // namespace orrery::text
