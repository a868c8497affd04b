#include "cli/inspect/inspection.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "cli/inspect/adapter.h"
#include "orrery/base/error.h"
#include "orrery/formats/gguf.h"
#include "orrery/formats/safetensors.h"
#include "orrery/formats/torch_pickle.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/checkpoint_cache.h"
#include "orrery/text/engine/layers.h"
#include "orrery/text/plan/size.h"

namespace orrery::cli {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr size_t kShownOfArray = 8, kWholeArray = 16;

ordered_json tensors_json(const std::vector<TensorView>& tensors) {
  ordered_json list = ordered_json::array();
  for (const TensorView& tensor : tensors)
    list.push_back(
        {{"name", tensor.name}, {"dtype", name(tensor.dtype)}, {"shape", tensor.shape}, {"bytes", tensor.bytes}});
  return list;
}

// Of a float32 that was widened: 1e-05, not 9.999999747378752e-06.
double shortest(double value) {
  const auto narrow = static_cast<float>(value);
  return static_cast<double>(narrow) == value ? std::stod(fmt::format("{}", narrow)) : value;
}

template <class T>
ordered_json array_json(const std::vector<T>& values, bool all) {
  if (all || values.size() <= kWholeArray) return values;
  return {{"length", values.size()}, {"first", std::vector<T>(values.begin(), values.begin() + kShownOfArray)}};
}

ordered_json value_json(const formats::GgufValue& value, bool all) {
  return std::visit(
      [&](const auto& held) -> ordered_json {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, formats::GgufValue::Array>) {
          std::vector<ordered_json> values;
          for (const formats::GgufValue& element : held) values.push_back(value_json(element, all));
          return array_json(values, all);
        } else if constexpr (std::is_same_v<Held, double>) {
          return shortest(held);
        } else if constexpr (std::is_arithmetic_v<Held> || std::is_same_v<Held, std::string>) {
          return held;
        } else {
          return array_json(held, all);
        }
      },
      value.value);
}

ordered_json model_json(const text::DecoderSpec& spec) {
  ordered_json model = {{"family", spec.family},
                        {"parameters", spec.parameters},
                        {"vocab_size", spec.vocab_size},
                        {"hidden_size", spec.hidden_size},
                        {"layers", spec.layers},
                        {"heads", spec.heads},
                        {"kv_heads", spec.kv_heads},
                        {"head_dim", spec.head_dim},
                        {"intermediate_size", spec.intermediate_size},
                        {"context_length", spec.context_length},
                        {"rope_theta", shortest(spec.rope.theta)},
                        {"norm_eps", shortest(spec.norm_eps)},
                        {"tied_embeddings", spec.tied_embeddings}};
  if (spec.constant_memory()) model["rope_theta"] = nullptr;
  return model;
}

ordered_json memory_json(const text::Checkpoint& checkpoint) {
  int64_t weights = 0;
  for (const TensorView& tensor : checkpoint.tensors()) weights += tensor.bytes;
  const text::DecoderSpec& spec = checkpoint.spec();
  if (spec.constant_memory())
    return {{"weight_bytes", weights}, {"state_bytes_per_sequence", text::state_bytes(spec, 1)}};
  const int64_t context = std::min<int64_t>(spec.context_length, 8192);  // the engine's default
  ordered_json cache = ordered_json::object(), total = ordered_json::object();
  for (DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    const int64_t per_token = text::cache_bytes_per_token(spec, dtype);
    cache[std::string(name(dtype))] = per_token;
    total[std::string(name(dtype))] = weights + per_token * context;
  }
  return {
      {"weight_bytes", weights}, {"context", context}, {"cache_bytes_per_token", cache}, {"bytes_at_context", total}};
}

ordered_json tokenizer_json(const text::Tokenizer& tokenizer) {
  const auto token = [&](const std::optional<text::TokenId>& id) -> ordered_json {
    if (!id) return nullptr;
    return {{"id", *id}, {"piece", tokenizer.piece(*id)}};
  };
  ordered_json ends = ordered_json::array();
  for (text::TokenId id : tokenizer.end_of_generation) ends.push_back(token(id));
  return {{"size", tokenizer.size()},     {"bos", token(tokenizer.bos)},  {"eos", token(tokenizer.eos)},
          {"unk", token(tokenizer.unk)},  {"pad", token(tokenizer.pad)},  {"end_of_generation", ends},
          {"add_bos", tokenizer.add_bos}, {"add_eos", tokenizer.add_eos}, {"chat_template", tokenizer.chat_template}};
}

enum class FileKind { kGguf, kSafetensors, kTorch, kOther };

FileKind kind_of(const fs::path& path) {
  const std::string name = path.filename();
  if (name.ends_with(".gguf")) return FileKind::kGguf;
  if (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json")) return FileKind::kSafetensors;
  for (const char* ending : {".bin", ".bin.index.json", ".pth", ".pt"})
    if (name.ends_with(ending)) return FileKind::kTorch;
  return FileKind::kOther;
}

// What a file format says by itself, of a file that need not be a language model.
struct Contents {
  std::string format;
  ordered_json metadata, tensors;
};

std::optional<Contents> read_contents(const fs::path& path, bool all) {
  switch (kind_of(path)) {
    case FileKind::kGguf: {
      const auto file = formats::GgufFile::open(path);
      ordered_json metadata = ordered_json::object();
      for (const auto& [key, value] : file.metadata()) metadata[key] = value_json(value, all);
      return Contents{"gguf", metadata, tensors_json(file.tensors())};
    }
    case FileKind::kSafetensors: {
      const auto file = formats::SafetensorsFile::open(path);
      return Contents{"safetensors", file.metadata(), tensors_json(file.tensors())};
    }
    case FileKind::kTorch: {
      const auto file = formats::TorchFile::open(path);
      return Contents{"torch", ordered_json::object(), tensors_json(file.tensors())};
    }
    case FileKind::kOther:
      break;
  }
  return std::nullopt;
}

// Of a folder with an adapter and no model, the file that its tensors are in.
fs::path adapter_weights(const fs::path& path) {
  for (const char* name : {"adapter_model.safetensors", "adapter_model.bin", "adapter.pth", "adapter.safetensors"})
    if (fs::exists(path / name)) return path / name;
  return path;
}

std::optional<text::Adapter> find_adapter(const fs::path& path) {
  try {
    return text::open_adapter(path);
  } catch (const Error&) {
    if (fs::exists(path / "adapter_config.json")) throw;
    return std::nullopt;  // most files are none
  }
}

}  // namespace

ordered_json inspect_model(const std::string& model, bool all) {
  fs::path path = text::find_model(model);
  std::shared_ptr<const text::Checkpoint> checkpoint;
  std::optional<Error> problem;
  try {
    checkpoint = text::Checkpoint::open(path);
  } catch (const Error& error) {
    problem = error;
  }
  const std::optional<text::Adapter> adapter = find_adapter(path);
  if (!checkpoint && adapter) path = adapter_weights(path);
  std::optional<Contents> contents;
  try {
    contents = read_contents(path, all);
  } catch (const Error&) {
    if (!checkpoint) throw;  // a llama2.c .bin is no PyTorch file, which is no problem
  }
  if (!checkpoint && !contents) throw *problem;

  ordered_json document = {{"path", path.string()}};
  document["format"] = checkpoint ? checkpoint->format() : contents->format;
  std::error_code failed;
  document["file_bytes"] = checkpoint ? checkpoint->file_bytes() : static_cast<int64_t>(fs::file_size(path, failed));
  if (checkpoint) {
    document["model"] = model_json(checkpoint->spec());
    document["memory"] = memory_json(*checkpoint);
    document["tokenizer"] = checkpoint->has_tokenizer() ? tokenizer_json(checkpoint->tokenizer()) : ordered_json();
  } else if (!adapter) {
    document["problem"] = problem->what();
  }
  if (adapter) document["adapter"] = adapter_json(*adapter);
  document["metadata"] = contents ? contents->metadata : ordered_json::object();
  document["tensors"] = contents ? contents->tensors : tensors_json(checkpoint->tensors());
  return document;
}

}  // namespace orrery::cli
