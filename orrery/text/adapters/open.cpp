#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/kernels/quantize/quantize.h"
#include "orrery/text/adapters/readers.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/tensor_file.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
  if (fs::is_directory(path)) return path;
  return path.parent_path().empty() ? fs::path(".") : path.parent_path();
}

/// The first of these that the folder has; empty: none.
fs::path first_of(const fs::path& folder, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (fs::exists(folder / name)) return folder / name;
  return {};
}

bool is_gguf(const fs::path& path) {
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "GGUF";
}

Adapter open_peft(const fs::path& folder, const fs::path& weights) {
  if (weights.empty())
    throw Error({.doing = "read a LoRA adapter",
                 .where = folder.string(),
                 .found = "adapter_config.json without weights",
                 .expected = "adapter_model.safetensors or adapter_model.bin beside it"});
  auto file = std::make_shared<const TensorFile>(TensorFile::open(weights));
  const fs::path config = folder / "adapter_config.json";
  Adapter adapter = read_peft(read_json_object(config), config.string(), file->tensors());
  adapter.file = std::move(file);
  return adapter;
}

Adapter open_gguf(const fs::path& path) {
  auto file = std::make_shared<const formats::GgufFile>(formats::GgufFile::open(path));
  Adapter adapter = read_gguf_adapter(*file, path.string());
  adapter.file = std::move(file);
  return adapter;
}

Adapter open_llama_adapter(const fs::path& weights, const AdapterOptions& options) {
  auto file = std::make_shared<const TensorFile>(TensorFile::open(weights));
  const fs::path config = first_of(folder_of(weights), {"config.json", "params.json"});
  const ConfigJson settings =
      config.empty() ? ConfigJson(nlohmann::json::object(), weights.string()) : ConfigJson::open(config);
  Adapter adapter = read_llama_adapter(file->tensors(), settings, weights.string(), options);
  adapter.file = std::move(file);
  return adapter;
}

}  // namespace

Adapter open_adapter(const fs::path& path, const AdapterOptions& options) {
  if (!fs::exists(path))
    throw Error({.doing = "open an adapter", .where = path.string(), .found = "no such file or folder"});
  const fs::path folder = folder_of(path);
  const bool whole_folder = fs::is_directory(path);
  const bool peft =
      fs::exists(folder / "adapter_config.json") && (whole_folder || path.filename().string().starts_with("adapter_"));
  const fs::path llama_adapter = whole_folder ? first_of(folder, {"adapter.pth", "adapter.safetensors"}) : path;
  Adapter adapter;
  if (peft) {
    const bool weights = !whole_folder && path.extension() != ".json";
    adapter = open_peft(folder, weights ? path : first_of(folder, {"adapter_model.safetensors", "adapter_model.bin"}));
  } else if (!whole_folder && is_gguf(path)) {
    adapter = open_gguf(path);
  } else if (!llama_adapter.empty()) {
    adapter = open_llama_adapter(llama_adapter, options);
  } else {
    throw Error(
        {.doing = "open an adapter",
         .where = path.string(),
         .found = "a folder without one",
         .expected = "PEFT's adapter_config.json and adapter_model.safetensors, or LLaMA-Adapter's adapter.pth"});
  }
  adapter.path = path;
  return adapter;
}

int64_t Adapter::parameters() const {
  int64_t sum = 0;
  for (const LinearChange& change : linears)
    for (const TensorView* part : {&change.a, &change.b, &change.bias, &change.input_scale, &change.magnitude})
      if (part->data != nullptr) sum += part->elements();
  for (const TensorView& tensor : replaced) sum += tensor.elements();
  for (const AdaptionPrompt& prompt : prompts) sum += int64_t(prompt.prompt.size() + prompt.gates.size());
  return sum;
}

std::vector<float> floats_of(const TensorView& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.elements()));
  kernels::dequantize(tensor.dtype, {tensor.data, static_cast<size_t>(tensor.bytes)}, values);
  return values;
}

}  // namespace orrery::text
