// OpenSfM and OpenDroneMap: reconstruction.json beside images.
#include <fmt/format.h>

#include "orrery/formats/opensfm.h"
#include "orrery/scene/data/readers.h"

namespace orrery::scene {

std::optional<RawScene> read_opensfm_scene(const std::filesystem::path& folder, const ReadOptions& options) {
  for (const auto& path : {folder / "reconstruction.json", folder / "opensfm/reconstruction.json"}) {
    if (!std::filesystem::is_regular_file(path)) continue;
    const formats::OpenSfmModel read = formats::read_opensfm(path);
    RawScene scene{.folder = folder, .kind = "OpenSfM"};
    take_model(read.model, options, scene);
    if (read.other_reconstructions > 0)
      scene.notes.push_back(fmt::format("{} holds {} smaller reconstructions besides, which are left out",
                                        path.string(), read.other_reconstructions));
    return scene;
  }
  return std::nullopt;
}

}  // namespace orrery::scene
