// The forms that files of one family come in: each opens as the same model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "orrery/formats/gguf.h"
#include "orrery/formats/safetensors.h"
#include "orrery/text/convert/convert.h"
#include "orrery/text/convert/to_hub.h"
#include "orrery/text/engine/engine.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {

using nlohmann::json;
namespace {

/// Logits of a few tokens, [5 * vocab].
std::vector<float> logits_of(const std::filesystem::path& model) {
  Engine engine(Checkpoint::open(model.string()), {.threads = 1, .exact = true});
  const std::vector<TokenId> tokens = {3, 90, 17, 42, 8};
  std::vector<float> all;
  engine.score(tokens,
               [&](int64_t, std::span<const float> logits) { all.insert(all.end(), logits.begin(), logits.end()); });
  return all;
}

json rwkv7_config() {
  return {{"architectures", {"RWKV7ForCausalLM"}},
          {"model_type", "rwkv7"},
          {"vocab_size", 128},
          {"hidden_size", 128},
          {"num_hidden_layers", 2},
          {"intermediate_size", 192},
          {"head_dim", 64},
          {"decay_low_rank_dim", 8},
          {"a_low_rank_dim", 16},
          {"v_low_rank_dim", 8},
          {"gate_low_rank_dim", 24}};
}

/// The tensors `parts`, rows after rows, as one under a new name.
void fuse(TinyTensors& tensors, const std::vector<std::string>& parts, const std::string& name,
          std::vector<int64_t> shape) {
  std::vector<float>& values = tensors.values.emplace_back();
  for (const std::string& part : parts) {
    const TensorView& view = *tensors.find(part);
    const auto* from = reinterpret_cast<const float*>(view.data);
    values.insert(values.end(), from, from + view.elements());
  }
  TensorView whole{.name = name, .dtype = DType::kF32, .shape = std::move(shape)};
  ASSERT_EQ(whole.elements(), int64_t(values.size()));
  whole.data = reinterpret_cast<const std::byte*>(values.data());
  whole.bytes = int64_t(values.size() * sizeof(float));
  for (const std::string& part : parts) tensors.remove(part);
  tensors.views.push_back(std::move(whole));
}

void rename(TinyTensors& tensors, const std::string& from, const std::string& to) {
  for (TensorView& view : tensors.views)
    if (view.name.starts_with(from)) view.name = to + view.name.substr(from.size());
}

json phi_config() {
  return tiny_config({{"architectures", {"PhiForCausalLM"}},
                      {"model_type", "phi"},
                      {"hidden_act", "gelu_new"},
                      {"num_key_value_heads", 4},
                      {"intermediate_size", 256},
                      {"vocab_size", 128},
                      {"layer_norm_eps", 1e-5},
                      {"partial_rotary_factor", 0.5}});
}

json first_phi_config(const char* architecture, const char* type) {
  return {{"architectures", {architecture}},
          {"model_type", type},
          {"activation_function", "gelu_new"},
          {"n_embd", 64},
          {"n_inner", nullptr},
          {"n_layer", 2},
          {"n_head", 4},
          {"n_positions", 2048},
          {"rotary_dim", 8},
          {"layer_norm_epsilon", 1e-5},
          {"vocab_size", 100},
          {"tie_word_embeddings", false}};
}

void fuse_phi_block(TinyTensors& tensors, const std::string& hub, const std::string& theirs) {
  const std::string attention = hub + "self_attn.";
  fuse(tensors, {attention + "q_proj.weight", attention + "k_proj.weight", attention + "v_proj.weight"},
       theirs + "mixer.Wqkv.weight", {192, 64});
  fuse(tensors, {attention + "q_proj.bias", attention + "k_proj.bias", attention + "v_proj.bias"},
       theirs + "mixer.Wqkv.bias", {192});
  rename(tensors, attention + "dense.", theirs + "mixer.out_proj.");
  rename(tensors, hub + "input_layernorm.", theirs + "ln.");
  rename(tensors, hub + "mlp.", theirs + "mlp.");
}

json mixtral_config() {
  return tiny_config({{"architectures", {"MixtralForCausalLM"}},
                      {"model_type", "mixtral"},
                      {"num_local_experts", 3},
                      {"num_experts_per_tok", 2}});
}

json gemma_config() {
  return tiny_config({{"architectures", {"Gemma3ForCausalLM"}},
                      {"model_type", "gemma3_text"},
                      {"hidden_act", nullptr},
                      {"hidden_activation", "gelu_pytorch_tanh"},
                      {"num_hidden_layers", 3},
                      {"head_dim", 16},
                      {"sliding_window", 3},
                      {"layer_types", {"sliding_attention", "full_attention", "sliding_attention"}},
                      {"query_pre_attn_scalar", 25},
                      {"rope_theta", 1e6},
                      {"rope_local_base_freq", 5000.0},
                      {"tie_word_embeddings", true}});
}

}  // namespace

TEST(FamilyFiles, PhisFirstUploadIsTheSameModel) {
  TempFolder hub, first;
  write_tiny_model(hub.path(), phi_config());
  write_tiny_model(first.path(), first_phi_config("MixFormerSequentialForCausalLM", "mixformer-sequential"),
                   [](TinyTensors& tensors) {
                     fuse_phi_block(tensors, "model.layers.1.", "layers.2.");
                     fuse_phi_block(tensors, "model.layers.0.", "layers.1.");
                     rename(tensors, "model.embed_tokens.", "layers.0.wte.");
                     rename(tensors, "model.final_layernorm.", "layers.3.ln.");
                     rename(tensors, "lm_head.", "layers.3.linear.");
                   });
  EXPECT_EQ(logits_of(hub.path()), logits_of(first.path()));
}

TEST(FamilyFiles, PhisSecondUploadIsTheSameModel) {
  TempFolder hub, second;
  write_tiny_model(hub.path(), phi_config());
  write_tiny_model(second.path(), first_phi_config("PhiForCausalLM", "phi-msft"), [](TinyTensors& tensors) {
    for (const std::string layer : {"0.", "1."})
      fuse_phi_block(tensors, "model.layers." + layer, "transformer.h." + layer);
    rename(tensors, "model.embed_tokens.", "transformer.embd.wte.");
    rename(tensors, "model.final_layernorm.", "lm_head.ln.");
    rename(tensors, "lm_head.weight", "lm_head.linear.weight");
    rename(tensors, "lm_head.bias", "lm_head.linear.bias");
  });
  EXPECT_EQ(logits_of(hub.path()), logits_of(second.path()));
}

TEST(FamilyFiles, FusedExpertsAreTheSameModel) {
  TempFolder apart, fused;
  write_tiny_model(apart.path(), mixtral_config());
  write_tiny_model(fused.path(), mixtral_config(), [](TinyTensors& tensors) {
    for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
      std::vector<std::string> gate_up, down;
      for (int e = 0; e < 3; ++e) {
        const std::string expert = layer + "block_sparse_moe.experts." + std::to_string(e);
        gate_up.insert(gate_up.end(), {expert + ".w1.weight", expert + ".w3.weight"});
        down.push_back(expert + ".w2.weight");
      }
      fuse(tensors, gate_up, layer + "mlp.experts.gate_up_proj", {3, 192, 64});
      fuse(tensors, down, layer + "mlp.experts.down_proj", {3, 64, 96});
    }
  });
  EXPECT_EQ(logits_of(apart.path()), logits_of(fused.path()));
}

TEST(FamilyFiles, GgufWithEachExpertApartIsTheSameModel) {
  TempFolder folder;
  write_tiny_model(folder.path(), mixtral_config());
  convert_to_gguf(folder.path().string(), folder / "stacked.gguf", {.type = "F32"});
  const auto stacked = formats::GgufFile::open(folder / "stacked.gguf");
  std::vector<TensorView> tensors;
  for (const TensorView& tensor : stacked.tensors()) {
    const size_t at = tensor.name.find("_exps");
    if (at == std::string::npos) {
      tensors.push_back(tensor);
      continue;
    }
    EXPECT_EQ(tensor.shape.size(), 3u);
    for (int64_t e = 0; e < 3; ++e) {
      TensorView& expert = tensors.emplace_back(tensor);
      expert.name = tensor.name.substr(0, at) + "." + std::to_string(e) + ".weight";
      expert.shape.erase(expert.shape.begin());
      expert.bytes /= 3;
      expert.data += e * expert.bytes;
    }
  }
  formats::write_gguf(folder / "apart.gguf", stacked.metadata(), tensors);
  EXPECT_EQ(logits_of(folder / "stacked.gguf"), logits_of(folder / "apart.gguf"));
}

TEST(FamilyFiles, HubFoldersSurviveGguf) {
  for (const json& config :
       {tiny_config(), phi_config(), mixtral_config(), gemma_config(), rwkv7_config(),
        tiny_config({{"architectures", {"Qwen2ForCausalLM"}}, {"model_type", "qwen2"}, {"use_sliding_window", false}}),
        tiny_config({{"architectures", {"MistralForCausalLM"}}, {"model_type", "mistral"}, {"sliding_window", 3}})}) {
    TempFolder folder;
    std::filesystem::create_directory(folder / "hub");
    write_tiny_model(folder / "hub", config);
    convert_to_gguf((folder / "hub").string(), folder / "model.gguf", {.type = "F32"});
    convert_to_hub((folder / "model.gguf").string(), folder / "again", {.type = "F32"});
    const std::vector<float> first = logits_of(folder / "hub"), gguf = logits_of(folder / "model.gguf"),
                             again = logits_of(folder / "again");
    for (size_t i = 0; i < first.size(); ++i) {
      const float near = 1e-4f * std::max(1.0f, std::abs(first[i]));  // weights of 1 + w, scales that are folded
      ASSERT_NEAR(first[i], gguf[i], near) << config.at("model_type") << " " << i;
      ASSERT_NEAR(first[i], again[i], near) << config.at("model_type") << " " << i;
    }
  }
}

TEST(FamilyFiles, Rwkv7BecomesWhatFlashLinearAttentionReads) {
  TempFolder folder;
  std::filesystem::create_directory(folder / "hub");
  write_tiny_model(folder / "hub", rwkv7_config());
  const std::string vocabulary = R"(1 '\x00' 1
2 '\\' 1
3 "'" 1
4 'a' 1
5 '\n\t\r' 3
6 'é"' 3
7 b'\xc3' 1
9 'ab' 2
)";
  std::ofstream(folder / "hub" / "rwkv_vocab_v20230424.txt") << vocabulary;
  convert_to_gguf((folder / "hub").string(), folder / "model.gguf", {.type = "F32"});
  convert_to_hub((folder / "model.gguf").string(), folder / "again", {.type = "F32"});

  const auto hub = Checkpoint::open((folder / "hub").string()), again = Checkpoint::open((folder / "again").string());
  EXPECT_EQ(again->tokenizer().encode("abé\"'\\\n\t\r"), (std::vector<TokenId>{9, 6, 3, 2, 5}));
  EXPECT_EQ(again->tokenizer().eos, TokenId{0});
  for (TokenId id = 0; id < 12; ++id) EXPECT_EQ(again->tokenizer().bytes(id), hub->tokenizer().bytes(id)) << id;

  const auto weights = formats::SafetensorsFile::open(folder / "again" / "model.safetensors");
  const auto shape = [&](const char* name) { return weights.find(name)->shape; };
  EXPECT_EQ(shape("model.layers.1.attn.x_w"), (std::vector<int64_t>{1, 1, 128}));
  EXPECT_EQ(shape("model.layers.1.attn.r_k"), (std::vector<int64_t>{2, 64}));
  EXPECT_EQ(shape("model.layers.1.attn.k_k"), (std::vector<int64_t>{128}));
  EXPECT_EQ(shape("model.layers.1.ffn.x_k"), (std::vector<int64_t>{128}));
  EXPECT_EQ(shape("model.layers.1.attn.v_lora.lora.0.weight"), (std::vector<int64_t>{8, 128}));
  EXPECT_EQ(weights.find("model.layers.0.attn.v_lora.lora.0.weight"), nullptr);
  EXPECT_EQ(again->spec().rwkv.head_norm_eps, hub->spec().rwkv.head_norm_eps);
}

TEST(FamilyFiles, ARefusedConversionLeavesNothing) {
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config());
  const std::string model = folder.path().string();
  expect_contains(error_of([&] { convert_to_hub(model, folder.path(), {}); }), {"there already"});
  expect_contains(error_of([&] { convert_to_hub(model, folder / "out", {.type = "Q4_0"}); }), {"Q4_0", "BF16"});
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
  const json windowed = {{"architectures", {"Qwen2ForCausalLM"}},
                         {"model_type", "qwen2"},
                         {"use_sliding_window", true},
                         {"max_window_layers", 1},
                         {"sliding_window", 8}};
  write_tiny_model(folder.path(), tiny_config(windowed));
  expect_contains(error_of([&] { convert_to_gguf(model, folder / "out.gguf", {}); }), {"windows", "qwen2"});
  EXPECT_FALSE(std::filesystem::exists(folder / "out.gguf"));
}

TEST(FamilyFiles, AWindowedAnswerIsTheScoredOne) {
  // Longer than the ring: a page of keys goes as the window passes it.
  TempFolder folder;
  write_tiny_model(folder.path(), tiny_config({{"architectures", {"MistralForCausalLM"}},
                                               {"model_type", "mistral"},
                                               {"sliding_window", 70},
                                               {"vocab_size", 96}}));
  const auto checkpoint = Checkpoint::open(folder.path().string());
  std::vector<TokenId> tokens(700);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = TokenId(i * 37 % 96);
  const auto last = [&](EngineOptions options, std::span<const TokenId> part) {
    Engine engine(checkpoint, options);
    std::vector<float> logits;
    engine.score(part, [&](int64_t, std::span<const float> row) { logits.assign(row.begin(), row.end()); });
    return logits;
  };
  // What two layers of 70 keys can reach lies within the last 140: the same tail at the same positions says the same.
  const std::vector<float> whole = last({.threads = 1, .exact = true}, tokens);
  std::vector<TokenId> other = tokens;
  for (size_t i = 0; i < 500; ++i) other[i] = TokenId((other[i] + 1) % 96);
  EXPECT_EQ(whole, last({.threads = 1, .exact = true}, other));
  EXPECT_NE(whole, last({.threads = 1, .exact = true, .legacy_window = true}, tokens));
}

TEST(FamilyFiles, ValueHeadsGiveAValuePerPosition) {
  TempFolder folder;
  std::vector<float> weight;
  write_tiny_model(folder.path(), tiny_config(), [&](TinyTensors& tensors) {
    tensors.add("v_head.summary.weight", {1, 64});
    tensors.add("v_head.summary.bias", {1});
  });
  Engine engine(Checkpoint::open(folder.path().string()), {.threads = 1, .exact = true});
  std::vector<float> values;
  const std::vector<TokenId> tokens = {1, 2, 3};
  engine.values(tokens, [&](int64_t position, std::span<const float> row) {
    EXPECT_EQ(position, int64_t(values.size()));
    ASSERT_EQ(row.size(), 1u);
    values.push_back(row[0]);
  });
  ASSERT_EQ(values.size(), 3u);
  EXPECT_NE(values[0], values[1]);
  TempFolder without;
  write_tiny_model(without.path(), tiny_config());
  Engine plain(Checkpoint::open(without.path().string()), {.threads = 1});
  expect_contains(error_of([&] { plain.values(tokens, [](int64_t, auto) {}); }), {"value head", "v_head.summary"});
}

}  // namespace orrery::text
