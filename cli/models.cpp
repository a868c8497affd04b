// orrery models: what the cache holds, under the names that other commands take.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "orrery/base/progress.h"
#include "orrery/text/checkpoint_cache.h"

namespace orrery::cli {
namespace {

namespace fs = std::filesystem;

struct ModelsOptions {
  bool json = false, names = false;
};

// Of a file, or of all files in a folder.
int64_t bytes_of(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed)) return static_cast<int64_t>(fs::file_size(path, failed));
  int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path, failed))
    if (entry.is_regular_file(failed)) bytes += static_cast<int64_t>(entry.file_size(failed));
  return bytes;
}

void models(const ModelsOptions& options) {
  const std::vector<text::CachedModel> cached = text::cached_models();
  if (options.json) {
    auto document = nlohmann::ordered_json::array();
    for (const auto& [name, path] : cached)
      document.push_back({{"name", name}, {"path", path.string()}, {"bytes", bytes_of(path)}});
    return print_json(document);
  }
  std::string text;
  for (const auto& [name, path] : cached)
    text += options.names ? name + "\n"
                          : fmt::format("{:<32} {:>8}  {}\n", name, bytes_text(static_cast<double>(bytes_of(path))),
                                        path.string());
  if (cached.empty() && !options.names)
    text = fmt::format("nothing in {} yet; `make run` fetches a model, and files put there are found by their names\n",
                       text::model_cache().string());
  print(text);
}

}  // namespace

void add_models(CLI::App& app) {
  CLI::App* command = app.add_subcommand("models", "List the models in the cache");
  auto options = std::make_shared<ModelsOptions>();
  command->add_flag("--json", options->json, "Print names, paths and sizes as JSON");
  command->add_flag("--names", options->names, "Print the names alone, one a line");
  set_examples(*command, {{"orrery models", "what can be run by name"}});
  command->callback([options] { models(*options); });
}

}  // namespace orrery::cli
