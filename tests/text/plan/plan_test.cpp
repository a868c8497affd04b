// Sizes and predictions by hand.
#include "orrery/text/plan/plan.h"

#include <gtest/gtest.h>

#include <fstream>

#include "orrery/text/engine/layers.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"
#include "tests/text/hyena_model.h"

namespace orrery::text {
namespace {

DecoderSpec spec_of(const nlohmann::json& json) {
  const ConfigJson config(json, "config.json");
  return family_of_hub(config).spec_from_hub(config);
}

// 2 layers of 4 heads on 2, hidden 64, mlp 96, vocabulary 96.
constexpr int64_t kLayerMatrices = 2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96, kEmbedding = 96 * 64;

TEST(PlanSize, CountsWhatTheConfigImplies) {
  const DecoderSpec spec = spec_of(tiny_config());
  const ModelSize size = size_of(planned_tensors(spec));
  EXPECT_EQ(size.parameters, 2 * (kLayerMatrices + 2 * 64) + 64 + 2 * kEmbedding);
  EXPECT_EQ(size.active, size.parameters);
  // Keys and values of 2 layers, 2 heads of 16, two bytes each; q8_0 has 34 bytes for 32, but heads of 16 have none.
  EXPECT_EQ(cache_bytes_per_token(spec, DType::kF16), 2 * 2 * 2 * 16 * 2);
  EXPECT_EQ(sequence_bytes(spec, DType::kF32, 100), 100 * 2 * 2 * 2 * 16 * 4);
}

TEST(PlanSize, TypesAreThoseOfQuantize) {
  const DecoderSpec spec = spec_of(tiny_config());
  const auto f32 = retyped(planned_tensors(spec), spec, mixture_named("F32"));
  const auto q8 = retyped(planned_tensors(spec), spec, mixture_named("Q8_0"));
  const int64_t matrices = 2 * kLayerMatrices + 2 * kEmbedding, vectors = 2 * 2 * 64 + 64;
  EXPECT_EQ(weight_bytes(f32), 4 * (matrices + vectors));
  EXPECT_EQ(weight_bytes(q8), matrices / 32 * 34 + 4 * vectors) << "norms stay float32";
}

TEST(PlanSize, WindowsBoundTheCacheAndStatesGrowByPages) {
  DecoderSpec spec = spec_of(tiny_config());
  spec.windows = {128, 128};
  EXPECT_LT(sequence_bytes(spec, DType::kF16, 100'000), 100'000 * cache_bytes_per_token(spec, DType::kF16) / 100);
  const DecoderSpec hyena = spec_of(hyena_config());
  EXPECT_EQ(cache_bytes_per_token(hyena, DType::kF16), 0);
  EXPECT_EQ(sequence_bytes(hyena, DType::kF16, 128), state_bytes(hyena, 128));
  EXPECT_EQ(state_bytes(hyena, 65) - state_bytes(hyena, 64), 2 * 48 * 64 * 4);
}

// A machine on which nothing costs but what the test is about.
MachineRates free_machine(const DecoderSpec& spec, const std::vector<PlannedTensor>& tensors) {
  MachineRates machine{.threads = 2, .read_bandwidth = 1e18, .attention_per_second = 1e18, .rows_per_second = 1e18};
  for (kernels::PackedKind kind : shapes_of(spec, tensors).kinds) machine.products[kind] = {1e18, 1e18, 1e18};
  return machine;
}

TEST(PlanRates, DecodingReadsEveryMatrixButTheTableOfEmbeddings) {
  const DecoderSpec spec = spec_of(tiny_config());
  const auto tensors = retyped(planned_tensors(spec), spec, mixture_named("F32"));
  MachineRates machine = free_machine(spec, tensors);
  machine.products.at(kernels::PackedKind::kF32).bytes_per_second = 1e6;         // the head
  machine.products.at(kernels::PackedKind::kF32).looped_bytes_per_second = 2e6;  // the layers
  const PredictedRates rates = predict(spec, tensors, machine, {});
  EXPECT_EQ(rates.bytes_per_token, 4 * (2 * kLayerMatrices + kEmbedding));
  EXPECT_NEAR(rates.decode, 1e6 / double(4 * (kLayerMatrices + kEmbedding)), 1e-3);
}

TEST(PlanRates, PromptsMultiplyWithEveryMatrixButTheHead) {
  const DecoderSpec spec = spec_of(tiny_config());
  const auto tensors = retyped(planned_tensors(spec), spec, mixture_named("F32"));
  MachineRates machine = free_machine(spec, tensors);
  machine.products.at(kernels::PackedKind::kF32).per_second = 1e6;
  EXPECT_NEAR(predict(spec, tensors, machine, {}).prompt, 1e6 / (2.0 * kLayerMatrices), 1e-3);
}

TEST(PlanRates, CacheAndAttentionCost) {
  const DecoderSpec spec = spec_of(tiny_config());
  const auto tensors = retyped(planned_tensors(spec), spec, mixture_named("F32"));
  MachineRates cache = free_machine(spec, tensors), attention = cache;
  cache.read_bandwidth = 256e3;  // a thousand tokens of the cache a second
  EXPECT_NEAR(predict(spec, tensors, cache, {.decode = 20, .depth = 90}).decode, 10, 1e-3);
  attention.attention_per_second = 2.0 * 2 * 64 * 1000;  // a thousand keys of all heads and layers a second
  EXPECT_NEAR(predict(spec, tensors, attention, {.prompt = 872}).prompt, 2, 1e-3) << "500 keys on average";
}

TEST(PlanRates, TypesWithoutKernelsAreNamed) {
  const DecoderSpec spec = spec_of(tiny_config());
  auto tensors = planned_tensors(spec);
  for (PlannedTensor& tensor : tensors) tensor.view.dtype = DType::kTQ1_0;
  expect_contains(error_of([&] { shapes_of(spec, tensors); }), {"tq1_0", "has kernels"});
}

TEST(Plan, OfAConfigAlone) {
  TempFolder folder;
  std::ofstream(folder / "config.json") << tiny_config().dump();
  const Plan plan = make_plan(folder.path().string(), {.threads = 1, .types = {"q8_0"}});
  ASSERT_EQ(plan.rows.size(), 1u);
  EXPECT_EQ(plan.rows[0].type, "Q8_0");
  EXPECT_GT(plan.rows[0].rates.decode, 0);
  EXPECT_GT(plan.rows[0].rates.prompt, 0);
  EXPECT_EQ(plan.context, 2048);
  expect_contains(error_of([&] { make_plan(folder.path().string(), {.types = {"Q9"}}); }), {"Q9", "Q4_K_M"});
}

TEST(Plan, PricesPerMillionTokens) { EXPECT_NEAR(price_per_million(3.6, 1000), 1.0, 1e-12); }

}  // namespace
}  // namespace orrery::text
