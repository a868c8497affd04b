// The index of a checkpoint in several files, as Hugging Face transformers writes it (model.safetensors.index.json).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "orrery/base/file.h"
#include "orrery/base/tensor_view.h"

namespace orrery::formats {

struct ShardIndex {
  std::map<std::string, std::string, std::less<>> weight_map;  ///< tensor name -> file name
  std::vector<std::filesystem::path> files;                    ///< each shard once, by name, as paths beside the index
};

/// Throws Error naming the file for bad JSON, a tensor listed twice, or a shard name that leaves the index's folder.
ShardIndex read_shard_index(const std::filesystem::path& path);
/// The same on bytes in memory; `path` is where they came from.
ShardIndex parse_shard_index(std::span<const std::byte> bytes, const std::filesystem::path& path);

/// Maps `path`, or all shards where it is an index (*.json), and lets `append` add each one's tensors to `tensors`.
/// Throws Error where the index names a file that is missing, and where a tensor lies in another shard than it says, or
/// in none.
std::vector<MappedFile> open_shards(const std::filesystem::path& path, const std::vector<TensorView>& tensors,
                                    const std::function<void(const MappedFile& shard)>& append);

}  // namespace orrery::formats
