// Where models with short names live: $XDG_CACHE_HOME/orrery/models, else ~/.cache/orrery/models.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace orrery::text {

std::filesystem::path model_cache();

struct CachedModel {
  std::string name;  ///< the shortest by which find_model finds it
  std::filesystem::path path;
};

/// What the cache holds, by path; nothing where there is no cache.
std::vector<CachedModel> cached_models();

/// The file or folder that `model` means: itself when it exists, else the model of that short name in the cache
/// ("smollm2", or the name of anything there with or without its extension). Throws Error: a path says what was looked
/// for; a name lists what the cache holds.
std::filesystem::path find_model(const std::string& model);

}  // namespace orrery::text
