#include <gtest/gtest.h>

#include "orrery/text/checkpoint.h"
#include "orrery/text/convert/convert.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"
#include "tests/text/hyena_model.h"

namespace orrery::text {
namespace {

DecoderSpec hyena_spec(const nlohmann::json& changes) {
  const ConfigJson config(hyena_config(changes), "config.json");
  return family_of_hub(config).spec_from_hub(config);
}

std::string hyena_refusal(const nlohmann::json& changes) {
  return error_of([&] { hyena_spec(changes); });
}

TEST(HyenaFamily, ReadsSafarisConfig) {
  const DecoderSpec spec = hyena_spec({});
  EXPECT_EQ(spec.vocab_size, 104) << "padded";
  EXPECT_EQ(spec.context_length, 128);
  EXPECT_EQ(spec.hyena.order, 2);
  EXPECT_EQ(spec.hyena.short_filter_order, 3);
  EXPECT_EQ(spec.hyena.inner_layers, 2);
  EXPECT_FALSE(spec.hyena.modulate);
  EXPECT_TRUE(hyena_spec({{"layer", {{"modulate", nullptr}}}}).hyena.modulate) << "what the code defaults to";
  EXPECT_EQ(hyena_spec({{"d_inner", nullptr}}).intermediate_size, 4 * 48);
}

TEST(HyenaFamily, OptionsThatAreNotComputedAreNamed) {
  expect_contains(hyena_refusal({{"layer", {{"_name_", "h3"}}}}), {"_name_", "h3", "hyena"});
  expect_contains(hyena_refusal({{"layer", {{"num_heads", 2}}}}), {"num_heads", "found 2"});
  expect_contains(hyena_refusal({{"layer", {{"inner_factor", 2}}}}), {"inner_factor"});
  expect_contains(hyena_refusal({{"layer", {{"outer_mixing", true}}}}), {"outer_mixing"});
  expect_contains(hyena_refusal({{"layer", {{"normalized", true}}}}), {"normalized"});
  expect_contains(hyena_refusal({{"layer", {{"activation", "gelu"}}}}), {"activation", "gelu"});
  expect_contains(hyena_refusal({{"layer", {{"order", 1}}}}), {"order", "2 or more"});
  expect_contains(hyena_refusal({{"layer", {{"num_inner_mlps", 9}}}}), {"num_inner_mlps", "0 to 3"});
  expect_contains(hyena_refusal({{"layer", {{"l_max", nullptr}}}}), {"l_max", "no such key"});
  expect_contains(hyena_refusal({{"attn_layer_idx", {0}}}), {"attn_layer_idx"});
  expect_contains(hyena_refusal({{"max_position_embeddings", 64}}), {"max_position_embeddings"});
}

// Everything that the network of the filters may be: its last layer's number moves with the inner ones.
TEST(HyenaFamily, FilterNetworksOfAnyDepthAreOpened) {
  for (int inner : {0, 1, 2, 3}) {
    TempFolder folder;
    write_tiny_model(folder.path(), hyena_config({{"layer", {{"num_inner_mlps", inner}}}}));
    const auto checkpoint = Checkpoint::open(folder.path().string());
    const std::string last = "model.layers.1.mixer.filter_fn.implicit_filter." + std::to_string(2 * inner + 2);
    ASSERT_NE(checkpoint->tensor(last + ".weight"), nullptr);
    EXPECT_EQ(checkpoint->tensor(last + ".weight")->shape, (std::vector<int64_t>{48, 16}));
    EXPECT_EQ(checkpoint->tensor(last + ".bias"), nullptr);
  }
}

TEST(HyenaFamily, LightningsPrefixesAndSharedParametersAreNoSurplus) {
  TempFolder folder;
  write_tiny_model(folder.path(), hyena_config(), [](TinyTensors& tensors) {
    for (TensorView& view : tensors.views) view.name = "state_dict.model." + view.name;
    tensors.add("state_dict.model.lm_head.weight", {104, 48});
    tensors.add("state_dict.model.backbone.layers.0.mixer.filter_fn.implicit_filter.3.freq", {1, 16});
    tensors.add("state_dict.model.backbone.layers.0.mixer.filter_fn.pos_emb.t", {1, 128, 1});
    tensors.add("optimizer_states.0.state.0.exp_avg", {4});
  });
  EXPECT_NE(Checkpoint::open(folder.path().string())->tensor("model.layers.0.mixer.in_proj.weight"), nullptr);
}

TEST(HyenaFamily, ALayerOfAnotherKindIsSurplus) {
  TempFolder folder;
  write_tiny_model(folder.path(), hyena_config(), [](TinyTensors& tensors) {
    tensors.add("backbone.layers.0.mixer.Wqkv.weight", {144, 48});
  });
  expect_contains(error_of([&] { Checkpoint::open(folder.path().string()); }), {"backbone.layers.0.mixer.Wqkv.weight"});
}

TEST(HyenaFamily, HasNoGgufToBeConvertedTo) {
  TempFolder folder;
  write_tiny_model(folder.path(), hyena_config());
  expect_contains(error_of([&] { convert_to_gguf(folder.path().string(), folder / "out.gguf", {}); }),
                  {"a hyena model", "GGUF"});
}

}  // namespace
}  // namespace orrery::text
