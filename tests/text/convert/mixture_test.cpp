#include "orrery/text/convert/mixture.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/text/tiny_model.h"

namespace orrery::text {

namespace {
std::string type_of(const char* mixture, const MixtureModel& model, const std::string& tensor,
                    std::vector<int64_t> shape) {
  const TensorView view{.name = tensor, .dtype = DType::kF32, .shape = std::move(shape)};
  return std::string(name(mixed_type(mixture_named(mixture), model, view).type));
}
}  // namespace

// What llama-quantize makes of a model of 32 layers whose rows are whole blocks of 256.
TEST(Mixture, MoreBitsGoWhereLlamaCppPutsThem) {
  const MixtureModel model{.layers = 32, .queries_per_kv_head = 1, .has_output = true};
  const auto type = [&](const char* mixture, const std::string& tensor) {
    return type_of(mixture, model, tensor, {4096, 4096});
  };
  EXPECT_EQ(type("Q4_K_M", "blk.0.attn_q.weight"), "q4_k");
  EXPECT_EQ(type("Q4_K_M", "blk.3.attn_v.weight"), "q6_k");  // the first eighth
  EXPECT_EQ(type("Q4_K_M", "blk.4.attn_v.weight"), "q4_k");
  EXPECT_EQ(type("Q4_K_M", "blk.6.ffn_down.weight"), "q6_k");   // every third between
  EXPECT_EQ(type("Q4_K_M", "blk.27.ffn_down.weight"), "q6_k");  // 27 = 4 + 3 * 7 + 2
  EXPECT_EQ(type("Q4_K_M", "blk.26.ffn_down.weight"), "q4_k");
  EXPECT_EQ(type("Q4_K_M", "blk.28.ffn_down.weight"), "q6_k");  // the last eighth
  EXPECT_EQ(type("Q4_K_M", "blk.0.ffn_gate.weight"), "q4_k");
  EXPECT_EQ(type("Q4_K_S", "blk.3.attn_v.weight"), "q5_k");
  EXPECT_EQ(type("Q4_K_S", "blk.4.attn_v.weight"), "q4_k");
  EXPECT_EQ(type("Q4_K_S", "blk.3.ffn_down.weight"), "q5_k");
  EXPECT_EQ(type("Q4_K_S", "blk.4.ffn_down.weight"), "q4_k");
  EXPECT_EQ(type("Q5_K_M", "blk.0.attn_v.weight"), "q6_k");
  EXPECT_EQ(type("Q5_K_S", "blk.0.attn_v.weight"), "q5_k");
  EXPECT_EQ(type("Q6_K", "blk.0.attn_v.weight"), "q6_k");
  for (const char* mixture : {"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q4_K_M", "Q5_K_S", "Q6_K"}) {
    EXPECT_EQ(type(mixture, "output.weight"), "q6_k") << mixture;
    EXPECT_EQ(type(mixture, "token_embd.weight"), name(mixture_named(mixture).base)) << mixture;
  }
  EXPECT_EQ(type("Q8_0", "output.weight"), "q8_0");
  EXPECT_EQ(type("F16", "output.weight"), "f16");
}

TEST(Mixture, TiedEmbeddingsAreTheOutput) {
  const MixtureModel tied{.layers = 32, .has_output = false};
  EXPECT_EQ(type_of("Q4_K_M", tied, "token_embd.weight", {32000, 4096}), "q6_k");
}

TEST(Mixture, VectorsNormsAndBiasesKeepTheirType) {
  for (const char* tensor : {"blk.0.attn_norm.weight", "output_norm.weight", "blk.0.attn_q.bias", "rope_freqs.weight"})
    EXPECT_EQ(type_of("Q4_0", {}, tensor, {4096}), "f32") << tensor;
  EXPECT_EQ(type_of("F16", {}, "blk.0.ffn_gate_inp.weight", {8, 4096}), "f32");
}

// SmolLM2-135M: rows of 576 and 1536; 576 is no multiple of 256 but of 32. 80 is a multiple of neither.
TEST(Mixture, RowsThatDoNotFitFallBack) {
  const MixtureModel smol{.layers = 30, .queries_per_kv_head = 3, .has_output = false};
  EXPECT_EQ(type_of("Q4_K_M", smol, "token_embd.weight", {49152, 576}), "q8_0");
  EXPECT_EQ(type_of("Q4_0", smol, "token_embd.weight", {49152, 576}), "q8_0");
  EXPECT_EQ(type_of("Q4_K_M", smol, "blk.5.attn_q.weight", {576, 576}), "q5_0");
  EXPECT_EQ(type_of("Q5_K_M", smol, "blk.5.attn_q.weight", {576, 576}), "q5_1");
  EXPECT_EQ(type_of("Q6_K", smol, "blk.5.attn_q.weight", {576, 576}), "q8_0");
  EXPECT_EQ(type_of("Q4_K_M", smol, "blk.0.ffn_down.weight", {576, 1536}), "q6_k");
  EXPECT_EQ(type_of("Q4_0", smol, "blk.0.attn_q.weight", {80, 80}), "f16");
  const TensorView view{.name = "blk.5.attn_q.weight", .dtype = DType::kF32, .shape = {576, 576}};
  EXPECT_TRUE(mixed_type(mixture_named("Q4_K_M"), smol, view).fallback);
  EXPECT_FALSE(mixed_type(mixture_named("Q4_0"), smol, view).fallback);
}

TEST(Mixture, NamesInAnyCase) {
  EXPECT_EQ(mixture_named("q4_k_m").name, "Q4_K_M");
  EXPECT_EQ(mixture_named("Q4_K").name, "Q4_K_M");
  EXPECT_EQ(mixture_named("q5_k").name, "Q5_K_M");
  expect_contains(error_of([] { mixture_named("Q9"); }), {"Q9", "Q4_K_M", "BF16"});
}

}  // namespace orrery::text
