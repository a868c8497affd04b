#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <variant>

#include "orrery/base/error.h"
#include "orrery/formats/safetensors.h"
#include "orrery/formats/torch_pickle.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"
#include "orrery/text/sampling/recommended.h"
#include "orrery/text/tokenizer/rwkv.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

struct HubFiles {
  fs::path folder, config, weights;
};

/// The weights that transformers would load.
fs::path find_weights(const fs::path& folder) {
  static constexpr const char* kNames[] = {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                           "pytorch_model.bin.index.json"};
  for (const char* name : kNames)
    if (fs::exists(folder / name)) return folder / name;
  throw Error({.doing = "open a language model",
               .where = folder.string(),
               .found = "no weights",
               .expected = fmt::format("one of: {}", fmt::join(kNames, ", "))});
}

HubFiles find_hub_files(const fs::path& path) {
  HubFiles files;
  if (fs::is_directory(path)) {
    files.folder = path;
  } else {
    files.folder = path.parent_path().empty() ? fs::path(".") : path.parent_path();
    const std::string name = path.filename().string();
    (name.ends_with(".json") && !name.ends_with(".index.json") ? files.config : files.weights) = path;
  }
  if (files.config.empty()) files.config = files.folder / "config.json";
  if (!fs::exists(files.config))
    throw Error({.doing = "open a language model",
                 .where = files.folder.string(),
                 .found = "no config.json",
                 .expected = "a hub folder (config.json and weights), a .gguf file, or a llama2.c .bin file"});
  if (files.weights.empty()) files.weights = find_weights(files.folder);
  return files;
}

bool is_safetensors(const fs::path& weights) {
  const std::string name = weights.filename().string();
  return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
}

class HubCheckpoint : public Checkpoint {
 public:
  HubCheckpoint(const HubFiles& files, const fs::path& path) {
    path_ = path;
    const ConfigJson config = ConfigJson::open(files.config);
    const Family& family = family_of_hub(config);
    spec_ = family.spec_from_hub(config);
    sampling_ = recommended_by_hub(files.folder);
    if (is_safetensors(files.weights))
      weights_ = formats::SafetensorsFile::open(files.weights);
    else
      weights_ = formats::TorchFile::open(files.weights);
    format_ = is_safetensors(files.weights) ? "safetensors" : "torch";
    std::visit([&](const auto& weights) { tensors_ = weights.tensors(); }, weights_);
    for (const MappedFile& file : mapped_files()) file_bytes_ += int64_t(file.bytes().size());
    spec_.value_head = find("v_head.summary.weight") != nullptr;  // configs do not mention these two
    spec_.score_bias = spec_.labels > 0 && find("score.bias") != nullptr;
    bind(family, &ExpectedTensor::hub);
    if (fs::exists(files.folder / "tokenizer.json") || fs::exists(files.folder / "tokenizer.model"))
      tokenizer_ = Tokenizer::open(files.folder);
    else if (const fs::path vocabulary = files.folder / kRwkvVocabulary; fs::exists(vocabulary))
      tokenizer_ = load_rwkv_vocabulary(read_text(vocabulary), vocabulary.string(), spec_.vocab_size);
  }

  void release(const TensorView& view) const override {
    // A strided tensor of a .bin was copied and lies in no file.
    orrery::release(mapped_files(), {view.data, size_t(view.bytes)});
  }

 private:
  std::span<const MappedFile> mapped_files() const {
    return std::visit([](const auto& weights) { return std::span<const MappedFile>(weights.files()); }, weights_);
  }

  std::variant<formats::SafetensorsFile, formats::TorchFile> weights_;
};

}  // namespace

std::shared_ptr<const Checkpoint> open_hub_checkpoint(const fs::path& folder_or_file) {
  return std::make_shared<HubCheckpoint>(find_hub_files(folder_or_file), folder_or_file);
}

}  // namespace orrery::text
