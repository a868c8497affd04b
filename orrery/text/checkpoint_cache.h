// Where models with short names live: $XDG_CACHE_HOME/orrery/models, else ~/.cache/orrery/models.
#pragma once

#include <filesystem>
#include <string>

namespace orrery::text {

std::filesystem::path model_cache();

/// The file or folder that `model` means: itself when it exists, else the model of that short name in the cache
/// ("smollm2", or the name of anything there with or without its extension). Throws Error: a path says what was looked
/// for; a name lists what the cache holds.
std::filesystem::path find_model(const std::string& model);

}  // namespace orrery::text
