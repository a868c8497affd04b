// What adapter files say, and what is wrong with those that lie.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <fstream>

#include "orrery/formats/gguf.h"
#include "orrery/formats/safetensors.h"
#include "orrery/text/adapters/lora.h"
#include "orrery/text/adapters/new_llama_adapter.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/rotary_rows.h"
#include "tests/text/tiny_adapter.h"

namespace orrery::text {
namespace {

using nlohmann::json;

class AdapterFiles : public testing::Test {
 protected:
  Adapter open(const TinyLora& lora, const DecoderSpec& base = tiny_spec()) {
    write_tiny_lora(folder_ / "lora", tiny_spec(), lora);
    return bind(open_adapter(folder_ / "lora"), base);
  }
  std::string why(const TinyLora& lora, const DecoderSpec& base = tiny_spec()) {
    return error_of([&] { open(lora, base); });
  }
  static const LinearChange& change(const Adapter& adapter, const std::string& module) {
    for (const LinearChange& change : adapter.linears)
      if (change.module == module) return change;
    throw std::runtime_error("no change of " + module);
  }
  static void resize(TinyTensors& tensors, const std::string& name, const std::vector<int64_t>& shape) {
    tensors.remove(name);
    tensors.add(name, shape);
  }

  const TempFolder folder_;
  const std::string q0 = "base_model.model.model.layers.0.self_attn.q_proj";
};

TEST_F(AdapterFiles, ScalesFollowRankAndAlphaPatterns) {
  const auto to_rank_2 = [&](TinyTensors& tensors) {
    resize(tensors, q0 + ".lora_A.weight", {2, 64});
    resize(tensors, q0 + ".lora_B.weight", {64, 2});
  };
  const json patterns = {{"rank_pattern", {{"layers.0.self_attn.q_proj", 2}}}, {"alpha_pattern", {{".*.v_proj", 3}}}};
  const Adapter plain = open({.modules = {"q_proj", "v_proj"}, .changes = patterns, .edit = to_rank_2});
  EXPECT_DOUBLE_EQ(change(plain, "model.layers.0.self_attn.q_proj").scale, 8.0 / 2);
  EXPECT_DOUBLE_EQ(change(plain, "model.layers.1.self_attn.q_proj").scale, 8.0 / 4);
  EXPECT_DOUBLE_EQ(change(plain, "model.layers.1.self_attn.v_proj").scale, 3.0 / 4);
  const Adapter rs = open({.modules = {"q_proj"}, .changes = {{"use_rslora", true}}});
  EXPECT_DOUBLE_EQ(change(rs, "model.layers.1.self_attn.q_proj").scale, 8.0 / std::sqrt(4.0));
}

TEST_F(AdapterFiles, TargetsAreSuffixesAPatternOrAllLinears) {
  EXPECT_EQ(open({.modules = {"q_proj", "down_proj"}}).linears.size(), 4u);
  const std::string pattern = R"(model\.layers\.\d+\.self_attn\.(q|k)_proj)";
  EXPECT_EQ(open({.modules = {"q_proj", "k_proj"}, .changes = {{"target_modules", pattern}}}).linears.size(), 4u);
  EXPECT_EQ(open({.modules = {"o_proj"}, .changes = {{"target_modules", "all-linear"}}}).linears.size(), 2u);
  const auto drop_first_layer = [&](TinyTensors& tensors) {
    for (const char* half : {".lora_A.weight", ".lora_B.weight"}) tensors.remove(q0 + half);
  };
  expect_contains(why({.modules = {"q_proj"}, .edit = drop_first_layer}),
                  {"no pair for model.layers.0.self_attn.q_proj", "target_modules"});
  EXPECT_EQ(
      open({.modules = {"q_proj"}, .changes = {{"layers_to_transform", {1}}}, .edit = drop_first_layer}).linears.size(),
      1u);
  expect_contains(why({.modules = {"q_proj"}, .changes = {{"target_modules", {"v_proj"}}}}),
                  {"a pair for model.layers.0.self_attn.q_proj", "target_modules"});
  expect_contains(why({.modules = {"q_proj"}, .changes = {{"target_modules", "(q_proj"}}}), {"(q_proj"});
}

TEST_F(AdapterFiles, ModulesSavedWholeAndBiases) {
  const auto add = [](TinyTensors& tensors) {
    tensors.add("base_model.model.model.norm.weight", {64});
    tensors.add("base_model.model.model.layers.0.input_layernorm.weight", {64});
  };
  const Adapter adapter =
      open({.modules = {"q_proj"}, .changes = {{"modules_to_save", {"norm", "input_layernorm"}}}, .edit = add});
  EXPECT_EQ(adapter.replaced.size(), 2u);
  expect_contains(why({.modules = {"q_proj"}, .edit = add}), {"norm.weight", "modules_to_save"});
  const auto biased = [&](TinyTensors& tensors) { tensors.add(q0 + ".base_layer.bias", {64}); };
  const Adapter with_bias = open({.modules = {"q_proj"}, .changes = {{"bias", "lora_only"}}, .edit = biased},
                                 tiny_spec({{"attention_bias", true}}));
  EXPECT_EQ(with_bias.replaced.at(0).name, "model.layers.0.self_attn.q_proj.bias");
}

TEST_F(AdapterFiles, WhatIsNotSupportedIsRefusedByName) {
  const std::pair<const char*, json> options[] = {{"layer_replication", {{0, 1}}},
                                                  {"alora_invocation_tokens", {1}},
                                                  {"target_parameters", {"experts"}},
                                                  {"trainable_token_indices", {1, 2}},
                                                  {"use_qalora", true},
                                                  {"an_option_of_next_year", {{"a", 1}}},
                                                  {"init_lora_weights", "pissa"},
                                                  {"peft_type", "LOHA"},
                                                  {"r", 0},
                                                  {"lora_alpha", "8"},
                                                  {"rank_pattern", {1}},
                                                  {"alpha_pattern", {{"q_proj", "much"}}},
                                                  {"target_modules", 3},
                                                  {"layers_to_transform", "first"}};
  for (const auto& [key, value] : options)
    expect_contains(why({.modules = {"q_proj"}, .changes = {{key, value}}}), {key, "adapter_config.json"});
}

TEST_F(AdapterFiles, DoraHasAMagnitudeForEachRow) {
  const json dora = {{"use_dora", true}};
  const Adapter adapter = open({.modules = {"q_proj"}, .changes = dora});
  EXPECT_EQ(adapter.kind, "DoRA");
  EXPECT_EQ(change(adapter, "model.layers.1.self_attn.q_proj").magnitude.shape, std::vector<int64_t>{64});
  EXPECT_EQ(adapter.parameters(), 2 * (4 * 64 + 64 * 4 + 64));
  const auto edited = [&](const std::function<void(TinyTensors&)>& edit) {
    return why({.modules = {"q_proj"}, .changes = dora, .edit = edit});
  };
  const std::string magnitude = q0 + ".lora_magnitude_vector";
  expect_contains(edited([&](auto& t) { t.remove(magnitude); }),
                  {"lora_magnitude_vector of model.layers.0", "use_dora"});
  expect_contains(edited([&](auto& t) { resize(t, magnitude, {63}); }), {"magnitude of", "[63]", "[64]"});
  expect_contains(edited([&](auto& t) { t.add(q0 + ".lora_B.bias", {64}); }), {"lora_B.bias", "use_dora"});
  expect_contains(edited([&](auto& t) {
                    t.remove(q0 + ".lora_A.weight");
                    t.remove(q0 + ".lora_B.weight");
                  }),
                  {"one half", "layers.0.self_attn.q_proj"});
}

/// What is written is read again, whatever order the base has the rows of q and k in.
TEST_F(AdapterFiles, WrittenDoraHasTheHubsOrderOfRows) {
  const Adapter made = open({.modules = {"q_proj", "up_proj"}, .changes = {{"use_dora", true}}});
  for (const RopeLayout layout : {RopeLayout::kHalf, RopeLayout::kInterleaved}) {
    DecoderSpec base = tiny_spec();
    base.rope.layout = layout;
    std::map<std::string, TensorView> values;
    std::deque<std::vector<float>> turned;
    for (const LinearChange& change : made.linears) {
      for (const auto& [suffix, view] : {std::pair{".lora_A.weight", &change.a},
                                         {".lora_B.weight", &change.b},
                                         {".lora_magnitude_vector", &change.magnitude}}) {
        values[change.module + suffix] = *view;
        if (view == &change.a || !is_rotated(change.module)) continue;
        const std::vector<float> rows = floats_of(*view);
        std::vector<float>& own = turned.emplace_back(rows.size());
        const int64_t cols = view->elements() / view->shape[0];
        for (int64_t row = 0; row < view->shape[0]; ++row)
          std::copy_n(rows.begin() + rotary_row(row, RopeLayout::kHalf, layout, base.head_dim, base.rope.dim) * cols,
                      cols, own.begin() + row * cols);
        values[change.module + suffix].data = reinterpret_cast<const std::byte*>(own.data());
      }
    }
    json config = read_json_object(folder_ / "lora" / "adapter_config.json");
    std::filesystem::remove_all(folder_ / "written");
    write_peft(folder_ / "written", config, base, values);
    const Adapter read = bind(open_adapter(folder_ / "written"), base);
    for (const LinearChange& expected : made.linears) {
      EXPECT_EQ(floats_of(change(read, expected.module).magnitude), floats_of(expected.magnitude)) << expected.module;
      EXPECT_EQ(floats_of(change(read, expected.module).b), floats_of(expected.b)) << expected.module;
    }
  }
}

TEST_F(AdapterFiles, TensorsThatDoNotFitAreNamed) {
  const auto edited = [&](const std::function<void(TinyTensors&)>& edit) {
    return why({.modules = {"q_proj"}, .edit = edit});
  };
  expect_contains(edited([&](auto& t) { t.remove(q0 + ".lora_B.weight"); }),
                  {"one half", "layers.0.self_attn.q_proj", "lora_B"});
  expect_contains(edited([&](auto& t) {
                    resize(t, q0 + ".lora_B.weight", {64, 3});
                  }),
                  {"layers.0.self_attn.q_proj", "[4, 64]", "[64, 3]"});
  expect_contains(edited([&](auto& t) {
                    resize(t, q0 + ".lora_A.weight", {3, 64});
                    resize(t, q0 + ".lora_B.weight", {64, 3});
                  }),
                  {"rank 3", "q_proj", "config's 4"});
  expect_contains(edited([&](auto& t) {
                    t.add("base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight", {4, 64});
                    t.add("base_model.model.model.layers.9.self_attn.q_proj.lora_B.weight", {64, 4});
                  }),
                  {"model.layers.9.self_attn.q_proj", "2 layers"});
  expect_contains(edited([&](auto& t) { t.add(q0 + ".lora_magnitude_vector", {64}); }), {"lora_magnitude_vector"});
  expect_contains(edited([&](auto& t) { t.add("transformer.wte.weight", {4}); }), {"transformer.wte.weight"});
  expect_contains(edited([&](auto& t) { resize(t, q0 + ".lora_A.weight", {4, 0}); }), {"q_proj"});
  expect_contains(why({.modules = {"q_proj"}}, tiny_spec({{"hidden_size", 128}, {"head_dim", 16}})),
                  {"q_proj", "[4, 64]", "[4, 128]"});
  expect_contains(error_of([&] { open_adapter(folder_ / "nowhere"); }), {"nowhere", "no such file"});
  std::filesystem::create_directories(folder_ / "empty");
  expect_contains(error_of([&] { open_adapter(folder_ / "empty"); }), {"empty", "adapter_config.json", "adapter.pth"});
  std::ofstream(folder_ / "empty" / "adapter_config.json") << "{}";
  expect_contains(error_of([&] { open_adapter(folder_ / "empty"); }), {"adapter_model.safetensors"});
}

class GgufAdapter : public AdapterFiles {
 protected:
  static formats::GgufMetadata metadata(const json& changes = {}) {
    using formats::GgufValue;
    formats::GgufMetadata result = {{"general.architecture", GgufValue::string("llama")},
                                    {"general.type", GgufValue::string("adapter")},
                                    {"adapter.type", GgufValue::string("lora")},
                                    {"adapter.lora.alpha", GgufValue::f32(8)}};
    for (const auto& [key, value] : changes.items()) {
      if (value.is_null())
        result.erase(key);
      else
        result[key] = value.is_number() ? GgufValue::f32(value.get<float>()) : GgufValue::string(value);
    }
    return result;
  }
  Adapter write_and_open(const json& changes, const std::function<void(TinyTensors&)>& edit = {}) {
    TinyTensors tensors;
    tensors.add("blk.1.attn_q.weight.lora_a", {4, 64});
    tensors.add("blk.1.attn_q.weight.lora_b", {64, 4});
    if (edit) edit(tensors);
    formats::write_gguf(folder_ / "adapter.gguf", metadata(changes), tensors.views);
    return bind(open_adapter(folder_ / "adapter.gguf"), tiny_spec());
  }
};

TEST_F(GgufAdapter, NamesScaleAndRowOrder) {
  const Adapter adapter = write_and_open({});
  EXPECT_EQ(adapter.rope_layout, RopeLayout::kInterleaved);
  EXPECT_DOUBLE_EQ(change(adapter, "model.layers.1.self_attn.q_proj").scale, 2);
  EXPECT_DOUBLE_EQ(write_and_open({{"adapter.lora.alpha", 0}}).linears.at(0).scale, 1);
}

TEST_F(GgufAdapter, WhatDoesNotFitIsNamed) {
  const auto why = [&](const json& changes, const std::function<void(TinyTensors&)>& edit = {}) {
    return error_of([&] { write_and_open(changes, edit); });
  };
  expect_contains(why({{"general.type", "model"}}), {"general.type", "model", "adapter"});
  expect_contains(why({{"adapter.type", "control_vector"}}), {"adapter.type", "control_vector", "lora"});
  expect_contains(why({{"adapter.alora.invocation_tokens", 1}}), {"adapter.alora.invocation_tokens"});
  expect_contains(why({{"general.architecture", "qwen9"}}), {"qwen9", "llama"});
  expect_contains(why({}, [](auto& t) { t.remove("blk.1.attn_q.weight.lora_b"); }), {"one half", "blk.1.attn_q"});
  expect_contains(why({}, [](auto& t) { t.add("blk.1.attn_q.weight", {4}); }), {"blk.1.attn_q.weight"});
  expect_contains(why({}, [](auto& t) { resize(t, "blk.1.attn_q.weight.lora_a", {5, 64}); }), {"[5, 64]", "[64, 4]"});
}

class LlamaAdapterFiles : public AdapterFiles {
 protected:
  Adapter write_and_open(const std::function<void(TinyTensors&)>& edit, const json& config = {},
                         const AdapterOptions& options = {}) {
    TinyTensors tensors;
    tensors.add("adapter_query.weight", {6, 64});
    for (int layer : {0, 1}) tensors.add(fmt::format("layers.{}.attention.gate", layer), {1, 4, 1, 1});
    if (edit) edit(tensors);
    const std::filesystem::path folder = folder_ / "v1";
    std::filesystem::create_directories(folder);
    std::filesystem::remove(folder / "config.json");
    if (!config.is_null()) std::ofstream(folder / "config.json") << config.dump();
    formats::write_safetensors(folder / "adapter.safetensors", tensors.views);
    return bind(open_adapter(folder, options), tiny_spec());
  }
};

TEST_F(LlamaAdapterFiles, TheLengthOfAPromptComesFromTheConfigOrTheAuthorsTen) {
  EXPECT_EQ(write_and_open({}, {{"adapter_len", 3}}).prompts.size(), 2u);
  EXPECT_EQ(write_and_open({}, {{"adapter_len", 6}}).prompts.at(0).layer, 1);
  const auto ten = [](TinyTensors& t) { resize(t, "adapter_query.weight", {10, 64}); };
  EXPECT_EQ(write_and_open(ten).prompts.at(0).length, 10);
  expect_contains(error_of([&] { write_and_open({}); }),
                  {"adapter_query.weight [6, 64]", "adapter_len", "config.json"});
}

TEST_F(LlamaAdapterFiles, GatesAreTheirTanhOrThemselves) {
  const json config = {{"adapter_len", 6}};
  const float raw = write_and_open({}, config, {.gate = AdapterOptions::Gate::kRaw}).prompts.at(0).gates.at(0);
  EXPECT_FLOAT_EQ(write_and_open({}, config).prompts.at(0).gates.at(0), std::tanh(raw));
}

class NewLlamaAdapter : public LlamaAdapterFiles {
 protected:
  std::shared_ptr<const Checkpoint> base(const json& changes = {}) const {
    write_tiny_model(folder_.path(), tiny_config(changes));
    return Checkpoint::open(folder_.path().string());
  }
  static LlamaAdapterOptions options(LlamaAdapterVersion version) {
    return {.llama_adapter = version, .adapter_len = 3, .adapter_layer = 30};
  }
};

TEST_F(NewLlamaAdapter, BeginsAsTheAuthorsDo) {
  const auto base = this->base();
  const Adapter v1 = new_llama_adapter(options(LlamaAdapterVersion::kV1), *base, 5);
  EXPECT_EQ(v1.kind, "LLaMA-Adapter");
  ASSERT_EQ(v1.prompts.size(), 2u);  // the model has no more layers
  double sum = 0, squares = 0;
  for (const AdaptionPrompt& prompt : v1.prompts) {
    EXPECT_EQ(prompt.length, 3);
    EXPECT_EQ(prompt.gates, std::vector<float>(4, 0.0f));
    for (const float value : prompt.prompt) sum += value, squares += value * value;
  }
  EXPECT_NEAR(sum / 384, 0, 0.2);  // four standard errors of a normal distribution's mean, and of its variance
  EXPECT_NEAR(squares / 384, 1, 0.3);
  EXPECT_TRUE(v1.linears.empty() && v1.replaced.empty());
  EXPECT_NE(new_llama_adapter(options(LlamaAdapterVersion::kV1), *base, 6).prompts[0].prompt, v1.prompts[0].prompt);

  const Adapter v2 = new_llama_adapter(options(LlamaAdapterVersion::kV2), *base, 5);
  EXPECT_EQ(v2.kind, "LLaMA-Adapter V2");
  ASSERT_EQ(v2.linears.size(), 14u);
  for (const LinearChange& change : v2.linears) {
    EXPECT_EQ(floats_of(change.bias), std::vector<float>(change.bias.elements(), 0.0f)) << change.module;
    EXPECT_EQ(floats_of(change.input_scale), std::vector<float>(change.input_scale.elements(), 1.0f)) << change.module;
  }
  ASSERT_EQ(v2.replaced.size(), 5u);
  for (const TensorView& norm : v2.replaced) EXPECT_EQ(floats_of(norm), floats_of(*base->tensor(norm.name)));
}

TEST_F(NewLlamaAdapter, OptionsOutOfRangeAndOtherModelsAreNamed) {
  const auto why = [&](LlamaAdapterOptions options, const json& changes = {}) {
    return error_of([&] { new_llama_adapter(options, *base(changes), 1); });
  };
  const auto v1 = LlamaAdapterVersion::kV1, v2 = LlamaAdapterVersion::kV2;
  expect_contains(why({.llama_adapter = v1, .adapter_len = 0}), {"adapter_len", "1 or more"});
  expect_contains(why({.llama_adapter = v2, .adapter_layer = 0}), {"adapter_layer", "1 or more"});
  EXPECT_EQ(why({.llama_adapter = v2, .adapter_len = 0}), "no error");
  const json experts = {{"model_type", "mixtral"},
                        {"architectures", {"MixtralForCausalLM"}},
                        {"num_local_experts", 2},
                        {"num_experts_per_tok", 1}};
  expect_contains(why({.llama_adapter = v1}, experts), {"mixtral", "llama"});
}

/// A few values in each part, rows of the second layer's q told apart: written and read they are the same.
TEST_F(NewLlamaAdapter, WrittenOnesAreReadAgain) {
  DecoderSpec spec = tiny_spec();
  for (const RopeLayout layout : {RopeLayout::kHalf, RopeLayout::kInterleaved}) {
    spec.rope.layout = layout;
    std::deque<std::vector<float>> kept;
    std::map<std::string, TensorView> values;
    const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
      TensorView& view = values[name] = {.name = name, .shape = std::move(shape)};
      std::vector<float>& numbers = kept.emplace_back(view.elements());
      for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i + kept.size()) / 100;
      view.data = reinterpret_cast<const std::byte*>(numbers.data());
      view.bytes = view.elements() * 4;
    };
    add("model.layers.1.self_attn.adaption_prompt", {3, 64});
    add("model.layers.1.self_attn.adaption_gate", {4});
    const auto read = [&] {
      std::filesystem::remove_all(folder_ / "written");
      write_llama_adapter(folder_ / "written", spec, values);
      return bind(open_adapter(folder_ / "written"), spec);
    };
    const Adapter v1 = read();
    EXPECT_EQ(v1.kind, "LLaMA-Adapter");
    ASSERT_EQ(v1.prompts.size(), 1u);
    EXPECT_EQ(v1.prompts[0].layer, 1);
    EXPECT_EQ(v1.prompts[0].prompt, kept[0]);
    EXPECT_EQ(v1.prompts[0].file_gates, kept[1]);

    add("model.layers.1.self_attn.q_proj.added_bias", {64});
    add("model.layers.1.self_attn.q_proj.input_scale", {64});
    add("model.norm.weight", {64});
    const Adapter v2 = read();
    EXPECT_EQ(v2.kind, "LLaMA-Adapter V2");
    EXPECT_EQ(v2.prompts.at(0).prompt, kept[0]);
    const LinearChange& q = change(v2, "model.layers.1.self_attn.q_proj");
    EXPECT_EQ(floats_of(q.input_scale), kept[3]);
    EXPECT_EQ(floats_of(v2.replaced.at(0)), kept[4]);
    const std::vector<float> bias = floats_of(q.bias);  // in the authors' order
    for (int64_t row = 0; row < 64; ++row)
      EXPECT_EQ(bias[rotary_row(row, v2.rope_layout, layout, spec.head_dim, spec.rope.dim)], kept[2][row]) << row;
    add("lm_head.weight", {96, 64});
    expect_contains(error_of(read), {"lm_head.weight", "a name for"});
  }
}

TEST_F(LlamaAdapterFiles, WhatDoesNotFitIsNamed) {
  const json config = {{"adapter_len", 3}};
  const auto why = [&](const std::function<void(TinyTensors&)>& edit, const AdapterOptions& options = {}) {
    return error_of([&] { write_and_open(edit, config, options); });
  };
  expect_contains(why([](auto& t) { t.add("layers.0.attention.wz", {4}); }), {"layers.0.attention.wz"});
  expect_contains(why([](auto& t) { t.add("layers.0.attention.wq_bias", {65}); }),
                  {"bias of layers.0", "[65]", "[64]"});
  expect_contains(why([](auto& t) { t.add("layers.1.attention.lora_wq_l1.weight", {4, 64}); }), {"one half", "wq"});
  expect_contains(why([](auto& t) { resize(t, "adapter_query.weight", {6, 32}); }), {"3 × 32", "64"});
  expect_contains(why([](auto& t) { resize(t, "layers.1.attention.gate", {1, 8, 1, 1}); }), {"8 gates", "4 heads"});
  expect_contains(why([](auto& t) { t.add("layers.2.attention.gate", {1, 4, 1, 1}); }), {"layer 2", "last, 1"});
  expect_contains(why({}, {.visual_query = std::vector<float>(5)}), {"visual query of 5", "[3, 64]"});
}

}  // namespace
}  // namespace orrery::text
