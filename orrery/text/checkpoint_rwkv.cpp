// RWKV as its authors and rwkv.cpp keep it: one file of tensors under BlinkDL's names, and no config.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <variant>

#include "orrery/base/buffer.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/rwkv_cpp.h"
#include "orrery/text/checkpoint_files.h"
#include "orrery/text/families/config_json.h"
#include "orrery/text/families/family.h"
#include "orrery/text/tensor_file.h"
#include "orrery/text/tokenizer/rwkv.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

constexpr int64_t kByteVocabulary = 256;

std::string first_bytes(const fs::path& file, size_t count) {
  std::string start(count, '\0');
  std::ifstream(file, std::ios::binary).read(start.data(), std::streamsize(count));
  return start;
}

bool is_rwkv_cpp(const fs::path& file) {
  return first_bytes(file, formats::kRwkvCppMagic.size()) == formats::kRwkvCppMagic;
}

bool has_original_names(const fs::path& file) {
  const bool torch = first_bytes(file, 4) == "PK\3\4" || first_bytes(file, 2) == "\x80\x02";
  if (!torch && file.extension() != ".safetensors") return false;
  return TensorFile::open(file).find("blocks.0.att.key.weight") != nullptr;  // of every version
}

bool holds_weights(const fs::path& file) {
  const std::string extension = file.extension().string();
  return extension == ".pth" || extension == ".pt" || extension == ".safetensors" || extension == ".bin";
}

/// Of a folder, the only file of weights; none where another kind of checkpoint says that the folder is its own.
fs::path only_weights(const fs::path& folder) {
  if (fs::exists(folder / "config.json")) {
    const bool rwkv = ConfigJson::open(folder / "config.json").string("model_type", "").starts_with("rwkv");
    const fs::path file = folder / "model.safetensors";
    return rwkv && fs::exists(file) ? file : fs::path();
  }
  fs::path only;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file() || !holds_weights(entry.path())) continue;
    if (!only.empty()) return {};
    only = entry.path();
  }
  return only;
}

/// The vocabulary beside the weights; for one of 256 tokens, and without a file, every byte is a token.
std::unique_ptr<Tokenizer> find_tokenizer(const fs::path& folder, int64_t vocab_size) {
  if (const fs::path file = folder / kRwkvVocabulary; fs::exists(file))
    return load_rwkv_vocabulary(read_text(file), file.string(), vocab_size);
  for (const char* name : {"tokenizer.json", "20B_tokenizer.json"})  // the latter is what the Pile's models have
    if (fs::exists(folder / name)) return Tokenizer::open(folder / name);
  return vocab_size == kByteVocabulary ? make_byte_tokenizer() : nullptr;
}

class RwkvCheckpoint : public Checkpoint {
 public:
  RwkvCheckpoint(const fs::path& file, const fs::path& path) {
    path_ = path;
    const bool ggml = is_rwkv_cpp(file);
    format_ = ggml ? "rwkv.cpp" : "torch";
    if (ggml) {
      const auto& weights = weights_.emplace<formats::RwkvCppFile>(formats::RwkvCppFile::open(file));
      tensors_ = weights.tensors();
    } else {
      const auto& weights = weights_.emplace<TensorFile>(TensorFile::open(file));
      if (!weights.is_torch()) format_ = "safetensors";
      tensors_ = weights.tensors();
    }
    for (const MappedFile& mapped : mapped_files()) file_bytes_ += int64_t(mapped.bytes().size());
    const OriginalTensors names(tensors_, file.string());
    const Family* family = family_of_original(names);
    if (family == nullptr)
      throw Error({.doing = "open an RWKV model",
                   .where = file.string(),
                   .found = "tensors of none of its versions that are supported",
                   .expected = "RWKV-4, 5.2 or 7"});
    spec_ = family->spec_from_original(names);
    spec_.rwkv.ready_decay = ggml;
    // rwkv.cpp normalises version 5's heads so (its tests' logits show it); BlinkDL's code has 64e-5.
    if (ggml && spec_.mixer == MixerKind::kRwkv5) spec_.rwkv.head_norm_eps = 1e-5;
    if (!ggml) transpose_maps();
    bind(*family, &ExpectedTensor::meta);
    tokenizer_ = find_tokenizer(file.parent_path(), spec_.vocab_size);
  }

  void release(const TensorView& view) const override {
    orrery::release(mapped_files(), {view.data, size_t(view.bytes)});  // what was transposed lies in no file
  }

 private:
  std::span<const MappedFile> mapped_files() const {
    if (const auto* ggml = std::get_if<formats::RwkvCppFile>(&weights_)) return {&ggml->file(), 1};
    return std::get<TensorFile>(weights_).files();
  }

  /// RWKV-7 multiplies x @ w with its low-rank maps, [in, out]; everything else is [out, in].
  void transpose_maps() {
    static constexpr std::string_view kMaps[] = {"w1", "w2", "a1", "a2", "v1", "v2", "g1", "g2"};
    for (TensorView& tensor : tensors_) {
      const size_t dot = tensor.name.rfind(".att.");
      if (dot == std::string::npos || tensor.shape.size() != 2 || is_block_type(tensor.dtype)) continue;
      if (std::ranges::count(kMaps, std::string_view(tensor.name).substr(dot + 5)) == 0) continue;
      const int64_t rows = tensor.shape[0], cols = tensor.shape[1], size = info(tensor.dtype).block_bytes;
      const Buffer& memory = transposed_.emplace_back(size_t(tensor.bytes));
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t col = 0; col < cols; ++col)
          std::memcpy(memory.data() + (col * rows + row) * size, tensor.data + (row * cols + col) * size, size_t(size));
      tensor.shape = {cols, rows};
      tensor.data = memory.data();
    }
  }

  std::variant<TensorFile, formats::RwkvCppFile> weights_;
  std::vector<Buffer> transposed_;
};

}  // namespace

fs::path find_rwkv_weights(const fs::path& path) {
  const fs::path file = fs::is_directory(path) ? only_weights(path) : path;
  if (file.empty() || !holds_weights(file)) return {};
  return is_rwkv_cpp(file) || has_original_names(file) ? file : fs::path();
}

std::shared_ptr<const Checkpoint> open_rwkv_checkpoint(const fs::path& weights, const fs::path& path) {
  return std::make_shared<RwkvCheckpoint>(weights, path);
}

}  // namespace orrery::text
