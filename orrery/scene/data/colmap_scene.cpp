// COLMAP: sparse/0 beside images (and images_2, images_4, images_8).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "orrery/scene/data/readers.h"

namespace orrery::scene {
namespace {

namespace fs = std::filesystem;

/// The model with the most photos of sparse/0, sparse/1, …, which COLMAP's mapper makes of photos that do not connect.
std::optional<fs::path> find_model(const fs::path& folder, size_t& others) {
  for (const fs::path& path : {folder / "sparse", folder / "colmap/sparse", folder}) {
    if (formats::has_colmap_model(path)) return path;
    std::vector<std::pair<uintmax_t, fs::path>> models;  // by the size of the list of images
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(path, failed)) {
      if (!formats::has_colmap_model(entry.path())) continue;
      const bool binary = fs::is_regular_file(entry.path() / "images.bin");
      models.emplace_back(fs::file_size(entry.path() / (binary ? "images.bin" : "images.txt")), entry.path());
    }
    if (models.empty() || path == folder) continue;
    others = models.size() - 1;
    return std::ranges::max_element(models,
                                    [](const auto& a, const auto& b) {
                                      return a.first != b.first ? a.first < b.first : b.second < a.second;
                                    })
        ->second;
  }
  return std::nullopt;
}

/// [4, 4] of COLMAP's quaternion and translation.
std::array<double, 16> camera_from_world(const formats::ColmapImage& image) {
  auto [w, x, y, z] = image.rotation;
  const double length = std::sqrt(w * w + x * x + y * y + z * z);
  w /= length, x /= length, y /= length, z /= length;
  const auto& t = image.translation;
  return {1 - 2 * (y * y + z * z),
          2 * (x * y - w * z),
          2 * (x * z + w * y),
          t[0],
          2 * (x * y + w * z),
          1 - 2 * (x * x + z * z),
          2 * (y * z - w * x),
          t[1],
          2 * (x * z - w * y),
          2 * (y * z + w * x),
          1 - 2 * (x * x + y * y),
          t[2],
          0,
          0,
          0,
          1};
}

/// Rows of the points that a photo saw, each once.
std::vector<uint32_t> rows_seen(const formats::ColmapImage& image, const std::map<uint64_t, uint32_t>& row_of_point) {
  std::set<uint32_t> rows;
  for (const formats::ColmapObservation& observation : image.observations)
    if (const auto row = row_of_point.find(observation.point_id); row != row_of_point.end()) rows.insert(row->second);
  return {rows.begin(), rows.end()};
}

}  // namespace

void take_model(const formats::ColmapModel& model, const ReadOptions& options, RawScene& scene) {
  const fs::path pictures = folder_of_pictures(scene.folder, options), masks = scene.folder / options.masks;
  std::map<uint32_t, size_t> index;
  for (const formats::ColmapCamera& camera : model.cameras) index.emplace(camera.id, index.size());
  scene.cameras = model.cameras;
  std::map<uint64_t, uint32_t> row_of_point;
  if (options.tracks)
    for (const formats::ColmapPoint& point : model.points) row_of_point.emplace(point.id, row_of_point.size());
  std::set<std::string> registered;
  for (const formats::ColmapImage& image : model.images) {
    scene.frames.push_back({.name = image.name,
                            .camera = index.at(image.camera_id),
                            .camera_from_world = camera_from_world(image),
                            .picture = pictures / image.name,
                            .mask = find_mask(masks, image.name),
                            .seen = rows_seen(image, row_of_point)});
    registered.insert(image.name);
  }
  for (std::string& name : pictures_below(pictures))
    if (!registered.contains(name)) scene.unregistered.push_back(std::move(name));
  for (const formats::ColmapPoint& point : model.points) {
    scene.points.positions.push_back({static_cast<float>(point.position[0]), static_cast<float>(point.position[1]),
                                      static_cast<float>(point.position[2])});
    scene.points.colours.push_back(point.colour);
  }
}

std::optional<RawScene> read_colmap_scene(const fs::path& folder, const ReadOptions& options) {
  size_t others = 0;
  const auto path = find_model(folder, others);
  if (!path) return std::nullopt;
  RawScene scene{.folder = folder, .kind = "COLMAP"};
  take_model(formats::read_colmap(*path, {.observations = options.tracks}), options, scene);
  if (others > 0)
    scene.notes.push_back(
        fmt::format("{} holds {} smaller models besides {}, which are left out: their photos did not "
                    "connect with the others",
                    path->parent_path().string(), others, path->filename().string()));
  return scene;
}

}  // namespace orrery::scene
