#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {

using nlohmann::json;
namespace {

std::string refusal(const json& changes) {
  return error_of([&] { tiny_spec(changes); });
}

/// The same model as transformers 5 writes it.
json in_new_dialect(json rope_parameters) {
  return {
      {"rope_theta", nullptr}, {"torch_dtype", nullptr}, {"dtype", "float32"}, {"rope_parameters", rope_parameters}};
}

void expect_same_rope(const RopeSpec& a, const RopeSpec& b) {
  EXPECT_EQ(a.theta, b.theta);
  EXPECT_EQ(a.dim, b.dim);
  EXPECT_EQ(a.scaling, b.scaling);
  EXPECT_EQ(a.factor, b.factor);
  EXPECT_EQ(a.original_context, b.original_context);
  EXPECT_EQ(a.attention_factor, b.attention_factor);
  EXPECT_EQ(a.low_freq_factor, b.low_freq_factor);
  EXPECT_EQ(a.high_freq_factor, b.high_freq_factor);
}

}  // namespace

TEST(Families, MissingKeysMeanWhatTransformersTakesThemFor) {
  const DecoderSpec spec = tiny_spec({{"num_key_value_heads", nullptr},
                                      {"rope_theta", nullptr},
                                      {"rms_norm_eps", nullptr},
                                      {"tie_word_embeddings", nullptr}});
  EXPECT_EQ(spec.kv_heads, 4);
  EXPECT_EQ(spec.head_dim, 16);
  EXPECT_EQ(spec.rope.theta, 10000.0);
  EXPECT_EQ(spec.norm_eps, 1e-6);
  EXPECT_FALSE(spec.tied_embeddings);
  EXPECT_EQ(tiny_spec({{"head_dim", 24}}).head_dim, 24);
}

TEST(Families, BothDialectsOfRopeScalingAreTheSame) {
  expect_same_rope(tiny_spec({{"rope_theta", 5e5}}).rope,
                   tiny_spec(in_new_dialect({{"rope_theta", 5e5}, {"rope_type", "default"}})).rope);
  const json linear = {{"factor", 4.0}};
  json old = linear, current = linear;
  old["type"] = current["rope_type"] = "linear";
  current["rope_theta"] = 1e4;
  expect_same_rope(tiny_spec({{"rope_scaling", old}}).rope, tiny_spec(in_new_dialect(current)).rope);
  EXPECT_EQ(tiny_spec({{"rope_scaling", old}}).rope.scaling, RopeSpec::Scaling::kLinear);

  const json llama3 = {{"rope_type", "llama3"},
                       {"factor", 8.0},
                       {"low_freq_factor", 1.0},
                       {"high_freq_factor", 4.0},
                       {"original_max_position_embeddings", 8192},
                       {"rope_theta", 1e4}};
  expect_same_rope(tiny_spec({{"rope_scaling", llama3}}).rope, tiny_spec(in_new_dialect(llama3)).rope);
  EXPECT_EQ(tiny_spec({{"rope_scaling", llama3}}).rope.scaling, RopeSpec::Scaling::kLlama3);
}

TEST(Families, YarnDefaults) {
  const RopeSpec rope =
      tiny_spec({{"rope_scaling", {{"type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 512}}}})
          .rope;
  EXPECT_EQ(rope.scaling, RopeSpec::Scaling::kYarn);
  EXPECT_EQ(rope.original_context, 512);
  EXPECT_EQ(rope.beta_fast, 32);
  EXPECT_NEAR(rope.attention_factor, 0.1 * std::log(4.0) + 1, 1e-12);
  // Without a factor it is the ratio of the contexts: 2048 / 512. DeepSeek's mscale pair divides two magnitudes.
  const RopeSpec ratio =
      tiny_spec(
          {{"rope_scaling",
            {{"type", "yarn"}, {"original_max_position_embeddings", 512}, {"mscale", 1.0}, {"mscale_all_dim", 1.0}}}})
          .rope;
  EXPECT_EQ(ratio.factor, 4.0);
  EXPECT_EQ(ratio.attention_factor, 1.0);
}

TEST(Families, DynamicScalingStartsFromTheModelsContext) {
  const json dynamic = {{"factor", 2.0}};
  json old = dynamic, current = dynamic;
  old["type"] = current["rope_type"] = "dynamic";
  current["rope_theta"] = 1e4;
  const RopeSpec rope = tiny_spec({{"rope_scaling", old}}).rope;
  expect_same_rope(rope, tiny_spec(in_new_dialect(current)).rope);
  EXPECT_EQ(rope.scaling, RopeSpec::Scaling::kDynamic);
  EXPECT_EQ(rope.original_context, 2048);
  old["factor"] = 0.5;
  expect_contains(refusal({{"rope_scaling", old}}), {"factor", "0.5"});
}

// Phi-3 has the trained context beside its rope_scaling, and "su" was longrope's first name.
TEST(Families, LongRopeInItsDialects) {
  const std::vector<double> long_factor = {1, 2, 3, 4, 5, 6, 7, 8}, short_factor(8, 1.25);
  const json lists = {{"long_factor", long_factor}, {"short_factor", short_factor}};
  json su = lists, current = lists;
  su["type"] = "su";
  current["rope_type"] = "longrope";
  current["rope_theta"] = 1e4;
  current["original_max_position_embeddings"] = 512;
  const RopeSpec rope = tiny_spec({{"rope_scaling", su}, {"original_max_position_embeddings", 512}}).rope;
  expect_same_rope(rope, tiny_spec(in_new_dialect(current)).rope);
  EXPECT_EQ(rope.scaling, RopeSpec::Scaling::kLongRope);
  EXPECT_EQ(rope.factor, 4);
  EXPECT_EQ(rope.factors, std::vector<float>({1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(rope.short_factors, std::vector<float>(8, 1.25f));
  EXPECT_NEAR(rope.attention_factor, std::sqrt(1 + std::log(4.0) / std::log(512.0)), 1e-12);
  su["long_factor"] = {1, 2};
  expect_contains(refusal({{"rope_scaling", su}}), {"long_factor", "2 numbers", "8 frequencies"});
  su["long_factor"] = short_factor;
  su["long_factor"][3] = 0;
  expect_contains(refusal({{"rope_scaling", su}}), {"long_factor", "positive"});
}

TEST(Families, PartialRotaryFactorShortensTheRotatedPart) {
  EXPECT_EQ(tiny_spec({{"partial_rotary_factor", 0.5}}).rope.dim, 8);
  expect_contains(refusal({{"partial_rotary_factor", 0.2}}), {"partial_rotary_factor"});
}

TEST(Families, UnsupportedOptionsAreNamed) {
  expect_contains(refusal({{"sliding_window", 1024}}), {"sliding_window"});
  expect_contains(refusal({{"hidden_act", "relu"}}), {"hidden_act", "relu"});
  expect_contains(refusal({{"quantization_config", {{"quant_method", "gptq"}}}}), {"quantization_config"});
  expect_contains(refusal({{"rope_interleaved", true}}), {"rope_interleaved"});
  expect_contains(refusal({{"rope_scaling", {{"type", "spiral"}, {"factor", 2.0}}}}), {"spiral", "llama3"});
  expect_contains(refusal({{"rope_scaling", {{"type", "longrope"}, {"short_mscale", 1.1}}}}), {"short_mscale"});
}

TEST(Families, WrongValuesAreNamed) {
  expect_contains(refusal({{"hidden_size", "64"}}), {"hidden_size", "\"64\""});
  expect_contains(refusal({{"num_hidden_layers", 0}}), {"num_hidden_layers"});
  expect_contains(refusal({{"vocab_size", nullptr}}), {"vocab_size", "no such key"});
  expect_contains(refusal({{"vocab_size", 1e300}}), {"vocab_size"});
  expect_contains(refusal({{"num_key_value_heads", 3}}), {"4 query heads on 3"});
  expect_contains(refusal({{"rope_theta", -1.0}}), {"rope_theta"});
  expect_contains(refusal({{"rope_scaling", {{"type", "linear"}}}}), {"factor"});
}

TEST(Families, UnknownOnesListTheKnown) {
  expect_contains(refusal({{"architectures", {"RobotForCausalLM"}}}), {"RobotForCausalLM", "LlamaForCausalLM"});
  expect_contains(refusal({{"architectures", nullptr}, {"model_type", "robot"}}), {"robot", "llama"});
  // A tagger's config has the same model_type; its head is not a language model's.
  expect_contains(refusal({{"architectures", {"LlamaForTokenClassification"}}}), {"LlamaForCausalLM"});
  EXPECT_EQ(tiny_spec({{"architectures", nullptr}}).family, "llama");
}

TEST(Families, ConfigsNestedWithoutEndAreRefused) {
  TempFolder folder;
  std::ofstream(folder / "config.json") << "{\"hidden_size\": " << std::string(1'000'000, '[')
                                        << std::string(1'000'000, ']') << "}";
  expect_contains(error_of([&] { ConfigJson::open(folder / "config.json"); }), {"config.json", "nested deeper"});
  std::ofstream(folder / "list.json") << "[1]";
  expect_contains(error_of([&] { ConfigJson::open(folder / "list.json"); }), {"found array", "a JSON object"});
}

}  // namespace orrery::text
