#include "orrery/splat/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "orrery/base/error.h"

namespace orrery::splat {
namespace {

void check(const char* option, bool good, const std::string& found, const char* expected) {
  if (!good) throw Error({.doing = "convert a scene", .where = option, .found = found, .expected = expected});
}

void check(const ConvertOptions& options) {
  const Similarity& move = options.transform;
  check("scale", move.scale > 0 && std::isfinite(move.scale), fmt::format("{}", move.scale), "a number above 0");
  check("rotation", std::ranges::any_of(move.rotation, [](double part) { return part != 0; }), "0, 0, 0, 0",
        "a quaternion");
  check("prune", options.prune >= 0 && options.prune <= 1, fmt::format("{}", options.prune), "0 to 1");
  check("decimate", options.decimate >= 0, std::to_string(options.decimate), "0 or more");
  const int degree = options.sh_degree.value_or(0);
  check("sh_degree", degree >= 0 && degree <= kMaxShDegree, std::to_string(degree), "0 to 3");
  for (size_t axis = 0; options.crop && axis < 3; ++axis)
    check("crop", options.crop->min[axis] <= options.crop->max[axis],
          fmt::format("{} to {}", options.crop->min[axis], options.crop->max[axis]), "the lower corner first");
}

bool moves(const Similarity& similarity) {
  const Similarity still;
  return similarity.rotation != still.rotation || similarity.translation != still.translation ||
         similarity.scale != still.scale;
}

Scene load_all(const std::filesystem::path& input, const std::vector<std::filesystem::path>& more) {
  std::vector<Scene> scenes = {load(input)};
  for (const std::filesystem::path& path : more) scenes.push_back(load(path));
  return scenes.size() == 1 ? std::move(scenes.front()) : merged(scenes);
}

}  // namespace

Conversion convert(const std::filesystem::path& input, const std::filesystem::path& output,
                   const ConvertOptions& options) {
  check(options);
  const Format& format = format_for(output, options.save);  // before the work
  Scene scene = load_all(input, options.merge);
  Conversion result{.read = scene.count(), .read_degree = scene.sh_degree};
  scene = filtered(scene, options.filter);
  if (options.crop) scene = cropped(scene, *options.crop);
  if (moves(options.transform)) transform(scene, options.transform);
  if (options.sh_degree) scene = with_sh_degree(scene, *options.sh_degree);
  if (options.prune > 0) scene = pruned(scene, options.prune);
  if (options.decimate > 0) scene = decimated(scene, options.decimate);
  if (options.antialiased) scene.antialiased = *options.antialiased;
  result.written = scene.count();
  result.written_degree = std::min(scene.sh_degree, format.max_sh_degree);
  result.lost_antialiased = scene.antialiased && !format.keeps_antialiased;
  result.saved = save(output, scene, options.save);
  return result;
}

}  // namespace orrery::splat
