// The kinds of checkpoint that Checkpoint::open tells apart; one file each.
#pragma once

#include <filesystem>
#include <memory>

#include "orrery/text/checkpoint.h"

namespace orrery::text {

std::shared_ptr<const Checkpoint> open_gguf_checkpoint(const std::filesystem::path& file);
/// The folder, or one file in it: a config*.json, or the weights (a file of tensors or an index of shards).
std::shared_ptr<const Checkpoint> open_hub_checkpoint(const std::filesystem::path& folder_or_file);
std::shared_ptr<const Checkpoint> open_llama2_c_checkpoint(const std::filesystem::path& file);

}  // namespace orrery::text
