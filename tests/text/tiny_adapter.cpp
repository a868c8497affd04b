#include "tests/text/tiny_adapter.h"

#include <fmt/format.h>

#include <fstream>
#include <random>

#include "orrery/formats/safetensors.h"
#include "orrery/text/families/family.h"

namespace orrery::text {

namespace {

void randomise(std::vector<float>& values, std::mt19937& random, float least, float most) {
  for (float& value : values) value = least + (most - least) * float(random() % 2001) / 2000.0f;
}

}  // namespace

void write_tiny_lora(const std::filesystem::path& folder, const DecoderSpec& spec, const TinyLora& lora) {
  nlohmann::json config = {{"peft_type", "LORA"},  {"r", 4},
                           {"lora_alpha", 8},      {"use_rslora", false},
                           {"bias", "none"},       {"target_modules", lora.modules},
                           {"use_dora", false},    {"rank_pattern", nlohmann::json::object()},
                           {"modules_to_save", {}}};
  if (!lora.changes.is_null()) config.merge_patch(lora.changes);
  TinyTensors tensors;
  std::mt19937 random(lora.seed);
  for (const ExpectedTensor& tensor : expected_tensors(family_named(spec.family), spec)) {
    const std::string module = tensor.hub.substr(0, tensor.hub.rfind('.'));
    const std::string last = module.substr(module.rfind('.') + 1);
    if (tensor.shape.size() != 2 || std::ranges::count(lora.modules, last) == 0) continue;
    const std::vector<int64_t> shapes[] = {{4, tensor.shape[1]}, {tensor.shape[0], 4}};
    for (int half = 0; half < 2; ++half) {
      tensors.add(fmt::format("base_model.model.{}.lora_{}.weight", module, "AB"[half]), shapes[half]);
      randomise(tensors.values.back(), random, -0.2f, 0.2f);
    }
    if (config["use_dora"] != true) continue;
    tensors.add(fmt::format("base_model.model.{}.lora_magnitude_vector", module), {tensor.shape[0]});
    randomise(tensors.values.back(), random, 1, 3);
  }
  if (lora.edit) lora.edit(tensors);
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "adapter_config.json") << config.dump(2);
  formats::write_safetensors(folder / "adapter_model.safetensors", tensors.views);
}

Adapter tiny_llama_adapter(const DecoderSpec& spec, uint32_t seed) {
  auto values = std::make_shared<std::vector<std::vector<float>>>();
  std::mt19937 random(seed);
  const auto view = [&](const std::string& name, int64_t size, float least, float most) {
    std::vector<float>& numbers = values->emplace_back(size);
    randomise(numbers, random, least, most);
    return TensorView{.name = name,
                      .dtype = DType::kF32,
                      .shape = {size},
                      .data = reinterpret_cast<const std::byte*>(numbers.data()),
                      .bytes = size * 4};
  };
  Adapter adapter{.path = "tiny", .kind = "LLaMA-Adapter V2", .names = Adapter::Names::kMeta};
  adapter.rope_layout = RopeLayout::kInterleaved;
  for (const ExpectedTensor& tensor : expected_tensors(family_named(spec.family), spec)) {
    if (tensor.meta.find("layers.") == std::string::npos) continue;
    if (tensor.shape.size() == 2) {
      LinearChange& change = adapter.linears.emplace_back();
      change.module = tensor.meta.substr(0, tensor.meta.rfind('.'));
      change.bias = view("bias", tensor.shape[0], -0.3f, 0.3f);
      change.input_scale = view("scale", tensor.shape[1], 0.7f, 1.3f);
    } else {
      adapter.replaced.push_back(view(tensor.meta, tensor.shape[0], 0.5f, 1.5f));
    }
  }
  for (int64_t layer = spec.layers - 2; layer < spec.layers; ++layer) {
    AdaptionPrompt& prompt = adapter.prompts.emplace_back();
    prompt = {.layer = layer, .length = 3, .prompt = {}, .gates = {}};
    prompt.prompt.resize(size_t(3 * spec.hidden_size));
    prompt.gates.resize(size_t(spec.heads));
    randomise(prompt.prompt, random, -1, 1);
    randomise(prompt.gates, random, -1, 1);
  }
  adapter.file = values;
  return adapter;
}

}  // namespace orrery::text
