// The index of a checkpoint in several files, as Hugging Face transformers writes it (model.safetensors.index.json).
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace orrery::formats {

struct ShardIndex {
  std::map<std::string, std::string, std::less<>> weight_map;  ///< tensor name -> file name
  std::vector<std::filesystem::path> files;                    ///< each shard once, by name, as paths beside the index
};

/// Throws Error naming the file for bad JSON, a tensor listed twice, or a shard name that leaves the index's folder.
ShardIndex read_shard_index(const std::filesystem::path& path);
/// The same on bytes in memory; `path` is where they came from.
ShardIndex parse_shard_index(std::span<const std::byte> bytes, const std::filesystem::path& path);

}  // namespace orrery::formats
