// LLaMA-Adapter on its base model: logits and gradients of the adapter's own tensors, against the authors' code.
#include <gtest/gtest.h>

#include <map>

#include "orrery/nn/decoder.h"
#include "orrery/nn/log_probs.h"
#include "orrery/text/adapters/adapter.h"
#include "tests/golden/nn_values.h"

namespace orrery::nn {

using text::golden::Expected;
namespace fs = std::filesystem;
namespace {

std::vector<fs::path> adapter_folders() {
  std::vector<fs::path> result = text::golden::folders();
  std::erase_if(result, [](const fs::path& folder) { return !fs::exists(folder / "adapter.safetensors"); });
  return result;
}

/// "layers.0.attention.wq_bias" under the decoder's name.
std::string our_name(std::string name) {
  static const std::pair<std::string, std::string> kParts[] = {{"attention.gate", "self_attn.adaption_gate"},
                                                               {"attention_norm.", "input_layernorm."},
                                                               {"ffn_norm.", "post_attention_layernorm."},
                                                               {"attention.wq", "self_attn.q_proj"},
                                                               {"attention.wk", "self_attn.k_proj"},
                                                               {"attention.wv", "self_attn.v_proj"},
                                                               {"attention.wo", "self_attn.o_proj"},
                                                               {"feed_forward.w1", "mlp.gate_proj"},
                                                               {"feed_forward.w2", "mlp.down_proj"},
                                                               {"feed_forward.w3", "mlp.up_proj"},
                                                               {"_bias", ".added_bias"},
                                                               {"_scale", ".input_scale"}};
  for (const auto& [theirs, ours] : kParts)
    if (const size_t at = name.find(theirs); at != name.npos) name.replace(at, theirs.size(), ours);
  return "model." + name;
}

class LlamaAdapterGolden : public testing::TestWithParam<fs::path> {};

TEST_P(LlamaAdapterGolden, LogitsAndGradients) {
  const Expected expected(GetParam());
  const auto base = text::Checkpoint::open((GetParam() / "params.json").string());
  const text::Adapter adapter = text::bind(text::open_adapter(GetParam() / "adapter.safetensors"), base->spec());
  Decoder decoder(*base, &adapter);
  std::vector<std::vector<text::TokenId>> ids;
  for (int64_t row = 0; row < expected.shape("input_ids").at(0); ++row) ids.push_back(expected.ids("input_ids", row));
  const PackedRows rows(ids);
  const at::Tensor hidden = decoder.hidden(rows);
  const bool pictures = expected.has("logits_zero_visual");  // whose encoder no decoder has
  text::golden::expect_close(values(decoder.logits(hidden).contiguous()),
                             expected.floats(pictures ? "logits_zero_visual" : "logits"), text::golden::kTolerance,
                             "logits");
  if (pictures) return;

  const at::Tensor labels = at::tensor(expected.integers("labels"));
  const at::Tensor targets = next_tokens(at::where(labels.eq(0), at::full_like(labels, kIgnored), labels), rows);
  const at::Tensor loss = -token_log_probs(hidden, decoder.head(), targets).sum() / targets.ne(kIgnored).sum();
  EXPECT_NEAR(loss.item<float>(), expected.floats("loss").at(0), 1e-4);
  loss.backward();
  const std::string theirs = "grad.";
  int compared = 0;
  for (const std::string& name : expected.names()) {
    if (!name.starts_with(theirs)) continue;
    at::Tensor gradient;
    if (name == "grad.adapter_query.weight") {
      std::vector<at::Tensor> layers;
      for (const text::AdaptionPrompt& prompt : adapter.prompts)
        layers.push_back(decoder.parameters()
                             .at("model.layers." + std::to_string(prompt.layer) + ".self_attn.adaption_prompt")
                             .grad());
      gradient = at::cat(layers);
    } else {
      gradient = decoder.parameters().at(our_name(name.substr(theirs.size()))).grad();
    }
    expect_gradient(gradient, expected.floats(name), 1e-3f, name.c_str());
    ++compared;
  }
  EXPECT_GT(compared, 2);
  EXPECT_FALSE(decoder.parameters().at("model.embed_tokens.weight").grad().defined());
}

INSTANTIATE_TEST_SUITE_P(Nn, LlamaAdapterGolden, testing::ValuesIn(adapter_folders()), [](const auto& info) {
  std::string name = info.param.filename().string();
  std::ranges::replace_if(
      name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
  return name;
});
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LlamaAdapterGolden);

}  // namespace
}  // namespace orrery::nn
