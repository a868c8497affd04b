#include "tests/text/tiny_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>

#include "orrery/base/error.h"
#include "orrery/formats/safetensors.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "orrery-test-XXXXXX").string();
  path_ = mkdtemp(pattern.data());
}

TempFolder::~TempFolder() {
  std::error_code failed;
  std::filesystem::remove_all(path_, failed);
}

nlohmann::json tiny_config(const nlohmann::json& changes) {
  nlohmann::json config = {{"architectures", {"LlamaForCausalLM"}},
                           {"model_type", "llama"},
                           {"hidden_act", "silu"},
                           {"hidden_size", 64},
                           {"intermediate_size", 96},
                           {"num_hidden_layers", 2},
                           {"num_attention_heads", 4},
                           {"num_key_value_heads", 2},
                           {"vocab_size", 96},
                           {"max_position_embeddings", 2048},
                           {"rms_norm_eps", 1e-5},
                           {"rope_theta", 10000.0},
                           {"tie_word_embeddings", false},
                           {"torch_dtype", "float32"}};
  if (!changes.is_null()) config.merge_patch(changes);
  return config;
}

DecoderSpec tiny_spec(const nlohmann::json& changes) {
  const ConfigJson config(tiny_config(changes), "config.json");
  return family_of_hub(config).spec_from_hub(config);
}

void TinyTensors::add(const std::string& name, const std::vector<int64_t>& shape) {
  TensorView view{.name = name, .dtype = DType::kF32, .shape = shape};
  std::mt19937 random(std::hash<std::string>()(name));
  std::vector<float>& numbers = values.emplace_back(view.elements());
  for (float& number : numbers) number = float(random() % 2001) / 1000.0f - 1.0f;
  view.data = reinterpret_cast<const std::byte*>(numbers.data());
  view.bytes = int64_t(numbers.size() * sizeof(float));
  views.push_back(std::move(view));
}

void TinyTensors::remove(const std::string& name) {
  std::erase_if(views, [&](const TensorView& view) { return view.name == name; });
}

TensorView* TinyTensors::find(const std::string& name) {
  const auto found = std::ranges::find(views, name, &TensorView::name);
  return found == views.end() ? nullptr : &*found;
}

void write_tiny_model(const std::filesystem::path& folder, const nlohmann::json& config,
                      const std::function<void(TinyTensors&)>& edit) {
  const ConfigJson hub(config, "config.json");
  const Family& family = family_of_hub(hub);
  TinyTensors tensors;
  for (const ExpectedTensor& expected : expected_tensors(family, family.spec_from_hub(hub)))
    tensors.add(expected.hub, expected.shape);
  if (edit) edit(tensors);
  std::ofstream(folder / "config.json") << config.dump(2);
  formats::write_safetensors(folder / "model.safetensors", tensors.views);
}

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

void expect_contains(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks: " << part;
}

}  // namespace orrery::text
