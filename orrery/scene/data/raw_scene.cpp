#include "orrery/scene/data/raw_scene.h"

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/scene/data/readers.h"

namespace orrery::scene {
namespace {

namespace fs = std::filesystem;

struct Reader {
  SceneFormat format;
  std::optional<RawScene> (*read)(const fs::path&, const ReadOptions&);
};
constexpr Reader kReaders[] = {
    {SceneFormat::kColmap, read_colmap_scene},
    {SceneFormat::kTransforms, read_transforms_scene},
    {SceneFormat::kOpenSfm, read_opensfm_scene},
};

}  // namespace

std::array<double, 3> RawFrame::centre() const {
  const auto& m = camera_from_world;
  std::array<double, 3> at;
  for (size_t i = 0; i < 3; ++i) at[i] = -(m[i] * m[3] + m[4 + i] * m[7] + m[8 + i] * m[11]);
  return at;
}

void set_splits(RawScene& scene, int test_every) {
  const bool said = std::ranges::any_of(scene.frames, [](const RawFrame& frame) { return frame.split.has_value(); });
  for (size_t i = 0; i < scene.frames.size(); ++i) {
    const bool test = !said && test_every > 0 && i % static_cast<size_t>(test_every) == 0;
    auto& split = scene.frames[i].split;
    if (!split) split = test ? Split::kTest : Split::kTrain;
  }
}

RawScene read_scene(const fs::path& folder, const ReadOptions& options) {
  for (const Reader& reader : kReaders) {
    if (options.format != SceneFormat::kAuto && options.format != reader.format) continue;
    if (auto scene = reader.read(folder, options)) {
      scene->folder = folder;
      std::ranges::stable_sort(scene->frames, {}, &RawFrame::name);
      return std::move(*scene);
    }
  }
  throw Error({.doing = "read a scene",
               .where = folder.string(),
               .found = fs::is_directory(folder) ? "no poses" : "no folder",
               .expected = "sparse/0 (COLMAP), transforms_train.json, transforms.json or reconstruction.json",
               .advice = "`orrery scene poses` finds the poses of a folder of photos"});
}

}  // namespace orrery::scene
