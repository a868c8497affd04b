#include "orrery/text/checkpoint_cache.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <vector>

#include "orrery/base/error.h"

namespace orrery::text {

namespace {
namespace fs = std::filesystem;

/// Short names that are not the file's own.
const std::map<std::string, std::string> kShortNames = {
    {"smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"},
};

std::string shortest_name(const fs::path& entry) {
  for (const auto& [name, file] : kShortNames)
    if (entry.filename() == file) return name;
  return fs::is_directory(entry) ? entry.filename() : entry.stem();
}

std::string listing(const std::vector<CachedModel>& models) {
  if (models.empty()) return fmt::format("the cache {} is empty", model_cache().string());
  std::vector<std::string> names;
  for (const CachedModel& model : models) names.push_back(model.name);
  return fmt::format("the cache {} holds: {}", model_cache().string(), fmt::join(names, ", "));
}
}  // namespace

fs::path model_cache() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache) return fs::path(cache) / "orrery" / "models";
  const char* home = std::getenv("HOME");
  return fs::path(home ? home : ".") / ".cache" / "orrery" / "models";
}

std::vector<CachedModel> cached_models() {
  std::vector<CachedModel> models;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(model_cache(), failed))
    if (!entry.path().filename().string().starts_with("."))
      models.push_back({shortest_name(entry.path()), entry.path()});
  std::ranges::sort(models, {}, &CachedModel::path);
  return models;
}

fs::path find_model(const std::string& model) {
  std::error_code failed;
  if (!model.empty() && fs::exists(model, failed)) return model;
  if (model.find('/') != std::string::npos)
    throw Error({.doing = "open a language model",
                 .where = model,
                 .found = "nothing there",
                 .expected = "a .gguf file, a hub folder, or a llama2.c .bin file"});
  if (const auto known = kShortNames.find(model); known != kShortNames.end())
    if (const fs::path path = model_cache() / known->second; fs::exists(path)) return path;
  const std::vector<CachedModel> models = cached_models();
  for (const CachedModel& cached : models)
    if (cached.path.filename() == model || cached.path.stem() == model) return cached.path;
  throw Error({.doing = "open a language model",
               .where = model,
               .found = "no such file and no model of that name",
               .expected = "a .gguf file, a hub folder, or a short name",
               .advice = listing(models)});
}

}  // namespace orrery::text
