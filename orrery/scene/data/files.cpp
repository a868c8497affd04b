#include <fmt/format.h>

#include <algorithm>

#include "orrery/scene/data/readers.h"

namespace orrery::scene {

namespace fs = std::filesystem;

fs::path folder_of_pictures(const fs::path& folder, const ReadOptions& options) {
  const fs::path smaller = folder / fmt::format("{}_{}", options.images, options.downscale);
  return options.downscale > 1 && fs::is_directory(smaller) ? smaller : folder / options.images;
}

fs::path find_mask(const fs::path& masks, const std::string& name) {
  for (const fs::path& path : {masks / (name + ".png"), (masks / name).replace_extension(".png")})
    if (fs::is_regular_file(path)) return path;
  return {};
}

std::vector<std::string> pictures_below(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code failed;
  for (fs::recursive_directory_iterator at(folder, fs::directory_options::follow_directory_symlink, failed), end;
       !failed && at != end; at.increment(failed)) {
    std::string extension = at->path().extension().string();
    std::ranges::transform(extension, extension.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".webp")
      names.push_back(at->path().lexically_relative(folder).generic_string());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace orrery::scene
