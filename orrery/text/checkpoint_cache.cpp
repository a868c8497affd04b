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

/// Files and folders in the cache, sorted; none when there is no cache.
std::vector<fs::path> cached_models() {
  std::vector<fs::path> entries;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(model_cache(), failed))
    if (!entry.path().filename().string().starts_with(".")) entries.push_back(entry.path());
  std::ranges::sort(entries);
  return entries;
}

std::string listing(const std::vector<fs::path>& entries) {
  std::vector<std::string> names;
  for (const auto& [name, file] : kShortNames)
    if (fs::exists(model_cache() / file)) names.push_back(name);
  for (const fs::path& entry : entries) names.push_back(entry.stem().string());
  if (names.empty()) return fmt::format("the cache {} is empty", model_cache().string());
  return fmt::format("the cache {} holds: {}", model_cache().string(), fmt::join(names, ", "));
}
}  // namespace

fs::path model_cache() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && *cache) return fs::path(cache) / "orrery" / "models";
  const char* home = std::getenv("HOME");
  return fs::path(home ? home : ".") / ".cache" / "orrery" / "models";
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
  const std::vector<fs::path> entries = cached_models();
  for (const fs::path& entry : entries)
    if (entry.filename() == model || entry.stem() == model) return entry;
  throw Error({.doing = "open a language model",
               .where = model,
               .found = "no such file and no model of that name",
               .expected = "a .gguf file, a hub folder, or a short name",
               .advice = listing(entries)});
}

}  // namespace orrery::text
