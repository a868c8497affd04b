#include "orrery/serve/scene/viewed_scene.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/serve/scene/spark_arrays.h"
#include "orrery/splat/edit.h"
#include "orrery/splat/file.h"

namespace orrery::serve {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// Outliers far from a scene are many: what holds this share on each side of an axis counts as its extent.
constexpr double kOutliers = 0.005;
/// Of the centres, lie within the radius.
constexpr double kWithin = 0.9;
/// More values say nothing more about a quantile.
constexpr int64_t kSample = 200000;

float quantile(std::vector<float>& values, double share) {
  const auto at = values.begin() + static_cast<int64_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// value(n) of evenly spaced Gaussians.
template <class Value>
std::vector<float> sample(const splat::Scene& scene, const Value& value) {
  std::vector<float> values;
  const int64_t step = std::max<int64_t>(1, scene.count() / kSample);
  for (int64_t n = 0; n < scene.count(); n += step) values.push_back(value(n));
  return values;
}

}  // namespace

fs::path scene_file(const fs::path& scene) {
  if (!fs::is_directory(scene)) return scene;
  for (const char* name : {"scene.ply", "meta.json"})
    if (fs::exists(scene / name)) return scene / name;
  throw Error({.doing = "view a scene",
               .where = scene.string(),
               .found = "a folder without scene.ply and meta.json",
               .expected = "a scene file, a run's folder or a SOG folder",
               .advice = "a training run writes its first scene.ply with its first checkpoint"});
}

std::string revision_of(const fs::path& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) return "";
  return fmt::format("{}-{}-{}-{}", facts.st_ino, facts.st_size, facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
}

ViewedScene::ViewedScene(const fs::path& file) : file_(file), revision_(revision_of(file)) {
  const splat::Scene scene = splat::filtered(splat::load(file), {});
  if (scene.count() == 0)
    throw Error({.doing = "view a scene",
                 .where = file.string(),
                 .found = "no Gaussian whose numbers are all finite",
                 .expected = "one at least"});
  count_ = scene.count();
  sh_degree_ = scene.sh_degree;
  antialiased_ = scene.antialiased;
  for (int64_t axis = 0; axis < 3; ++axis) {
    auto values = sample(scene, [&](int64_t n) { return scene.means[3 * n + axis]; });
    centre_[axis] = quantile(values, 0.5);
    low_[axis] = quantile(values, kOutliers);
    high_[axis] = quantile(values, 1 - kOutliers);
  }
  auto distances = sample(scene, [&](int64_t n) {
    const float* mean = scene.means.data() + 3 * n;
    return std::hypot(mean[0] - centre_[0], mean[1] - centre_[1], mean[2] - centre_[2]);
  });
  auto sizes = sample(scene, [&](int64_t n) {
    const float* logs = scene.log_scales.data() + 3 * n;
    return std::exp(std::max({logs[0], logs[1], logs[2]}));
  });
  radius_ = std::clamp(quantile(distances, kWithin) + 3 * quantile(sizes, 0.5), 1e-6f, 1e12f);
  bytes_ = spark_arrays(scene);
}

ordered_json ViewedScene::info() const {
  const bool named_by_folder = file_.filename() == "scene.ply" || file_.filename() == "meta.json";
  const fs::path absolute = fs::absolute(file_);
  return {{"name", (named_by_folder ? absolute.parent_path() : absolute).filename().string()},
          {"count", count_},
          {"sh_degree", sh_degree_},
          {"antialiased", antialiased_},
          {"bytes", bytes_.size()},
          {"revision", revision_},
          {"centre", centre_},
          {"radius", radius_},
          {"box", {{"min", low_}, {"max", high_}}}};
}

std::vector<splat::NamedView> cameras_of(const fs::path& scene, fs::path file) {
  if (file.empty() && fs::is_regular_file(scene / "cameras.json")) file = scene / "cameras.json";
  if (file.empty()) return {};
  std::vector<splat::NamedView> cameras = splat::read_cameras(file);
  for (splat::NamedView& camera : cameras)
    if (!fs::is_regular_file(camera.photo)) camera.photo.clear();
  return cameras;
}

ordered_json cameras_json(std::span<const splat::NamedView> cameras,
                          const std::function<ordered_json(size_t)>& photo_of) {
  ordered_json list = ordered_json::array();
  for (size_t i = 0; i < cameras.size(); ++i) {
    const View& view = cameras[i].view;
    list.push_back({{"name", cameras[i].name},
                    {"width", view.width},
                    {"height", view.height},
                    {"fx", view.fx},
                    {"fy", view.fy},
                    {"cx", view.cx},
                    {"cy", view.cy},
                    {"camera_from_world", view.camera_from_world},
                    {"photo", photo_of(i)}});
  }
  return list;
}

}  // namespace orrery::serve
