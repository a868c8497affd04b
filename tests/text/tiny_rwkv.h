// RWKV models of a few thousand random weights under BlinkDL's names, whose tokens are bytes.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "tests/text/tiny_model.h"

namespace orrery::text {

/// FOLDER/FAMILY.safetensors; `edit` changes the tensors before they are written. family: "rwkv4", "rwkv5" or "rwkv7".
std::filesystem::path write_tiny_rwkv(const std::filesystem::path& folder, const std::string& family,
                                      const std::function<void(TinyTensors&)>& edit = {});

}  // namespace orrery::text
