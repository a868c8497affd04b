// Meta's own LLaMA files: params.json beside consolidated.00.pth, 01 … (meta-llama/llama). A larger model was cut for
// model parallelism: each shard has a slice of every matrix (fairscale's ColumnParallelLinear cuts rows of a weight,
// RowParallelLinear columns, ParallelEmbedding columns, Llama 3's VocabParallelEmbedding rows) and all of every norm.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "orrery/base/buffer.h"
#include "orrery/base/error.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"
#include "orrery/text/meta_params.h"
#include "orrery/text/tensor_file.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

[[noreturn]] void refuse(const fs::path& where, std::string found, std::string expected) {
  throw Error({.doing = "open a model in Meta's layout",
               .where = where.string(),
               .found = std::move(found),
               .expected = std::move(expected)});
}

fs::path folder_of(const fs::path& path) {
  if (fs::is_directory(path)) return path;
  return path.parent_path().empty() ? fs::path(".") : path.parent_path();
}

bool is_shard(const fs::path& file) { return file.filename().string().starts_with("consolidated."); }

/// Whether a JSON file describes the base model of a LLaMA-Adapter: Meta's settings under config.json's name.
bool is_adapter_config(const fs::path& file) {
  const std::string name = file.filename().string();
  if (!name.starts_with("config") || !name.ends_with(".json") || !fs::exists(file)) return false;
  return ConfigJson::open(file).string("model_type", "").starts_with("llama-adapter");
}

struct MetaFiles {
  fs::path params;
  std::vector<fs::path> shards;
};

/// consolidated.00.pth, 01 … without a gap.
std::vector<fs::path> find_shards(const fs::path& folder) {
  size_t present = 0;
  for (const auto& entry : fs::directory_iterator(folder))
    present += is_shard(entry.path()) && entry.path().extension() == ".pth";
  std::vector<fs::path> shards;
  for (size_t i = 0; i < present; ++i) {
    shards.push_back(folder / fmt::format("consolidated.{:02}.pth", i));
    if (!fs::exists(shards.back()))
      refuse(folder, fmt::format("{} shards and no {}", present, shards.back().filename().string()),
             "shards that count from consolidated.00.pth without a gap");
  }
  return shards;
}

MetaFiles find_meta_files(const fs::path& path) {
  MetaFiles files;
  const fs::path folder = folder_of(path);
  const bool adapter_config = is_adapter_config(path);
  files.params = adapter_config ? path : folder / "params.json";
  if (!fs::exists(files.params)) files.params = folder / "config.json";
  files.shards = path.extension() == ".safetensors" ? std::vector{path} : find_shards(folder);
  for (const char* name : {"consolidated.safetensors", "model.safetensors"})
    if (files.shards.empty() && fs::exists(folder / name)) files.shards.push_back(folder / name);
  if (files.shards.empty()) refuse(folder, "no weights", "consolidated.00.pth");
  return files;
}

/// One tensor's slice in every shard.
using Slices = std::vector<const TensorView*>;

std::map<std::string, Slices, std::less<>> slices_by_name(const std::vector<TensorFile>& shards,
                                                          const std::vector<fs::path>& paths) {
  std::map<std::string, Slices, std::less<>> slices;
  for (size_t shard = 0; shard < shards.size(); ++shard)
    for (const TensorView& tensor : shards[shard].tensors()) {
      if (tensor.name == "rope.freqs") continue;  // a buffer: the angles follow from rope_theta
      Slices& all = slices[tensor.name];
      if (all.size() != shard) refuse(paths[0], "no tensor " + tensor.name, "a slice of it in every shard");
      if (shard > 0 && (tensor.shape != all[0]->shape || tensor.dtype != all[0]->dtype))
        refuse(paths[shard], fmt::format("{} {}", tensor.name, shape_string(tensor.shape)),
               fmt::format("the first shard's {}", shape_string(all[0]->shape)));
      all.push_back(&tensor);
    }
  for (const auto& [name, all] : slices)
    if (all.size() != shards.size()) refuse(paths[all.size()], "no tensor " + name, "a slice of it in every shard");
  return slices;
}

MetaShapes shapes_of(const std::map<std::string, Slices, std::less<>>& slices, int64_t dim) {
  const auto rows = [&](std::string_view name, bool cut) {
    const auto found = slices.find(name);
    if (found == slices.end()) return int64_t{0};
    return found->second[0]->rows() * (cut ? int64_t(found->second.size()) : 1);
  };
  const auto embedding = slices.find("tok_embeddings.weight");
  const bool rows_cut = embedding != slices.end() && embedding->second[0]->cols() == dim;
  return {.vocab_size = rows("tok_embeddings.weight", rows_cut),
          .inner = rows("layers.0.feed_forward.w1.weight", true),
          .tied = !slices.contains("output.weight")};
}

class MetaCheckpoint : public Checkpoint {
 public:
  MetaCheckpoint(const MetaFiles& files, const fs::path& path) {
    path_ = path;
    for (const fs::path& shard : files.shards) shards_.push_back(TensorFile::open(shard));
    format_ = shards_[0].is_torch() ? "torch" : "safetensors";
    for (const TensorFile& shard : shards_)
      for (const MappedFile& file : shard.files()) file_bytes_ += int64_t(file.bytes().size());
    const ConfigJson params = ConfigJson::open(files.params);
    const auto slices = slices_by_name(shards_, files.shards);
    spec_ = spec_from_meta(params, shapes_of(slices, params.size("dim")));
    join(slices);
    bind(family_named("llama"), &ExpectedTensor::meta);
    const fs::path folder = folder_of(path);
    for (const fs::path& home : {folder, folder / ".."})  // LLaMA 1 and 2 have one tokenizer for all sizes
      if (!tokenizer_ && (fs::exists(home / "tokenizer.json") || fs::exists(home / "tokenizer.model")))
        tokenizer_ = Tokenizer::open(home);
  }

  void release(const TensorView& view) const override {
    for (const TensorFile& shard : shards_) orrery::release(shard.files(), {view.data, size_t(view.bytes)});
  }

 private:
  /// Which way each tensor was cut follows from what the spec expects. What is whole in its shard stays there.
  void join(const std::map<std::string, Slices, std::less<>>& slices) {
    std::map<std::string, std::vector<int64_t>> whole;
    // As in bind(): a table longer than the file would only list what is missing.
    if (spec_.layers <= int64_t(slices.size()))
      for (const ExpectedTensor& tensor : expected_tensors(family_named("llama"), spec_))
        whole[tensor.meta] = tensor.shape;
    for (const auto& [name, parts] : slices) {
      TensorView tensor = *parts[0];
      const auto expected = whole.find(name);
      if (parts.size() > 1 && expected != whole.end() && expected->second != tensor.shape)
        join_slices(parts, expected->second, tensor);
      tensors_.push_back(std::move(tensor));
    }
  }

  /// A tensor whose slices fit neither way keeps its first, and bind() says what is wrong with it.
  void join_slices(const Slices& parts, const std::vector<int64_t>& shape, TensorView& tensor) {
    const auto count = int64_t(parts.size());
    if (shape.size() != 2 || tensor.shape.size() != 2) return;
    const bool by_rows = tensor.shape[0] * count == shape[0] && tensor.shape[1] == shape[1];
    const bool by_cols = tensor.shape[1] * count == shape[1] && tensor.shape[0] == shape[0];
    if (!by_rows && !by_cols) return;
    const Buffer& memory = joined_.emplace_back(size_t(tensor.bytes * count));
    const int64_t pieces = by_rows ? 1 : shape[0], bytes = tensor.bytes / pieces;
    for (int64_t part = 0; part < count; ++part) {
      for (int64_t piece = 0; piece < pieces; ++piece)
        std::memcpy(memory.data() + (piece * count + part) * bytes, parts[part]->data + piece * bytes, size_t(bytes));
      release(*parts[part]);
    }
    tensor.shape = shape;
    tensor.data = memory.data();
    tensor.bytes *= count;
  }

  std::vector<TensorFile> shards_;
  std::vector<Buffer> joined_;
};

}  // namespace

bool is_meta_checkpoint(const fs::path& path) {
  if (fs::is_directory(path)) {
    if (fs::exists(path / "config.json")) return is_adapter_config(path / "config.json");
    return fs::exists(path / "params.json");
  }
  if (path.filename() == "params.json" || is_adapter_config(path)) return true;
  if (is_shard(path)) return fs::exists(folder_of(path) / "params.json");
  return path.extension() == ".safetensors" && is_adapter_config(folder_of(path) / "config.json");
}

std::shared_ptr<const Checkpoint> open_meta_checkpoint(const fs::path& folder_or_file) {
  return std::make_shared<MetaCheckpoint>(find_meta_files(folder_or_file), folder_or_file);
}

}  // namespace orrery::text
