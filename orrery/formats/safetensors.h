// safetensors (huggingface/safetensors, "Format" in README.md): a JSON header, then the bytes of the tensors end to
// end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/file.h"
#include "orrery/base/tensor_view.h"
#include "orrery/formats/tensor_index.h"
#include "orrery/formats/tensor_source.h"

namespace orrery::formats {

/// One mapped .safetensors file, or all shards that an index names. Nothing is copied. Immutable after open.
class SafetensorsFile {
 public:
  /// A .safetensors file, or an index (*.safetensors.index.json: its weight_map names the shards, which lie beside it).
  /// Throws Error naming the file and the tensor: header or offsets past the end, holes and overlaps in the data,
  /// shapes that disagree with their bytes, unknown dtypes, duplicate names, a tensor that its shard lacks. A header
  /// may have 16 MiB (more in a file of gigabytes), and memory stays below 100 MB whatever it says.
  static SafetensorsFile open(const std::filesystem::path& path);
  /// One file's bytes in memory (for tests and fuzzing); `bytes` must outlive the result.
  static SafetensorsFile parse(std::span<const std::byte> bytes, const std::string& name);

  /// In the order of their bytes, shard after shard.
  const std::vector<TensorView>& tensors() const { return tensors_; }
  const TensorView* find(std::string_view name) const;
  /// The header's __metadata__; of the first shard where there are several.
  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }
  /// The mapped shards, in the order of their names.
  const std::vector<MappedFile>& files() const { return files_; }

 private:
  friend class SafetensorsParser;
  void build_index(const std::string& name);

  std::vector<MappedFile> files_;
  std::vector<TensorView> tensors_;
  TensorIndex index_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

/// Writes one file, wholly or not at all. Tensors are laid out by element size, largest first, and in the given order
/// within a size, so that each is aligned. Throws Error naming the tensor for a dtype that safetensors lacks, a
/// duplicate name, or a source that gives another number of bytes.
void write_safetensors(const std::filesystem::path& path, std::span<const TensorView> tensors,
                       const std::map<std::string, std::string, std::less<>>& metadata = {},
                       const TensorSource& source = own_bytes);

/// Writes `stem`-00001-of-0000N.safetensors … and `stem`.safetensors.index.json into `folder`; a shard ends before it
/// would pass `shard_bytes` (a larger tensor has one of its own). One shard is written as `stem`.safetensors without an
/// index.
void write_safetensors_sharded(const std::filesystem::path& folder, const std::string& stem,
                               std::span<const TensorView> tensors, int64_t shard_bytes,
                               const std::map<std::string, std::string, std::less<>>& metadata = {},
                               const TensorSource& source = own_bytes);

}  // namespace orrery::formats
