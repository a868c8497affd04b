#include "orrery/formats/opensfm.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/json_place.h"

namespace orrery::formats {
namespace {

const std::string kReadingOpensfm = "read an OpenSfM reconstruction";

/// Focal lengths and principal point in pixels. One focal length, or two and a principal point.
std::vector<double> pinhole_part(const JsonPlace& place, double size, double width, double height) {
  const bool two = place.has("focal_x");
  const double fx = place.at(two ? "focal_x" : "focal").number() * size,
               fy = two ? place.at("focal_y").number() * size : fx;
  return {fx, fy, place.number_or("c_x", 0) * size + width / 2, place.number_or("c_y", 0) * size + height / 2};
}

ColmapCamera camera_of(const JsonPlace& place, uint32_t id) {
  constexpr int64_t kMaxSide = 1 << 20;
  ColmapCamera camera{.id = id, .width = place.at("width").whole(), .height = place.at("height").whole()};
  if (std::min(camera.width, camera.height) < 1 || std::max(camera.width, camera.height) > kMaxSide)
    place.fail(std::to_string(camera.width) + " × " + std::to_string(camera.height) + " pixels",
               "1 to 1048576 each way");
  const auto width = static_cast<double>(camera.width), height = static_cast<double>(camera.height);
  const std::string type = place.at("projection_type").text();
  const auto bend = [&](const char* key) { return place.number_or(key, 0); };
  if (type == "spherical" || type == "equirectangular") {
    camera.model = CameraModel::kEquirectangular;
    camera.parameters = {width, height};
    return camera;
  }
  camera.parameters = pinhole_part(place, std::max(width, height), width, height);
  const auto add = [&](CameraModel model, std::initializer_list<double> bends) {
    camera.model = model;
    camera.parameters.insert(camera.parameters.end(), bends);
  };
  if (type == "perspective" || type == "simple_radial" || type == "radial" || type == "brown")
    add(CameraModel::kFullOpenCv, {bend("k1"), bend("k2"), bend("p1"), bend("p2"), bend("k3"), 0, 0, 0});
  else if (type == "fisheye" || type == "fisheye_opencv")
    add(CameraModel::kOpenCvFisheye, {bend("k1"), bend("k2"), bend("k3"), bend("k4")});
  else
    place.at("projection_type")
        .fail(printable(type), "perspective, simple_radial, radial, brown, fisheye, fisheye_opencv or spherical");
  return camera;
}

/// The rotation about the vector's direction by its length.
std::array<double, 4> quaternion(const std::array<double, 3>& vector) {
  const double angle = std::hypot(vector[0], vector[1], vector[2]);
  const double share = angle > 1e-12 ? std::sin(angle / 2) / angle : 0.5;
  return {std::cos(angle / 2), share * vector[0], share * vector[1], share * vector[2]};
}

std::array<uint8_t, 3> colour_of(const JsonPlace& place) {
  std::array<uint8_t, 3> colour;
  const auto numbers = place.numbers<3>();
  for (size_t i = 0; i < 3; ++i) colour[i] = static_cast<uint8_t>(std::clamp(std::round(numbers[i]), 0.0, 255.0));
  return colour;
}

ColmapModel model_of(const JsonPlace& place) {
  ColmapModel model;
  std::map<std::string, uint32_t> ids;
  const JsonPlace cameras = place.at("cameras"), shots = place.at("shots");
  if (!cameras.value().is_object() || !shots.value().is_object()) place.fail("no cameras or shots by name", "both");
  for (const auto& [name, value] : cameras.value().items()) {
    const auto id = static_cast<uint32_t>(ids.size() + 1);
    model.cameras.push_back(camera_of(cameras.at(name), id));
    ids.emplace(name, id);
  }
  for (const auto& [name, value] : shots.value().items()) {
    const JsonPlace shot = shots.at(name);
    const std::string camera = shot.at("camera").text();
    if (!ids.contains(camera)) shot.at("camera").fail(printable(camera), "one of the cameras");
    model.images.push_back({.id = static_cast<uint32_t>(model.images.size() + 1),
                            .rotation = quaternion(shot.at("rotation").numbers<3>()),
                            .translation = shot.at("translation").numbers<3>(),
                            .camera_id = ids.at(camera),
                            .name = name});
  }
  if (!place.has("points")) return model;
  const JsonPlace points = place.at("points");
  if (!points.value().is_object()) points.fail("no object", "points by name");
  for (const auto& [name, value] : points.value().items()) {
    const JsonPlace point = points.at(name);
    model.points.push_back({.id = model.points.size() + 1,
                            .position = point.at("coordinates").numbers<3>(),
                            .colour = colour_of(point.at("color")),
                            .error = -1});
  }
  return model;
}

}  // namespace

OpenSfmModel parse_opensfm(std::span<const std::byte> bytes, const std::string& name) {
  constexpr int kMaxDepth = 16;
  const nlohmann::json document = parse_json_document(bytes, kReadingOpensfm, name, kMaxDepth);
  const JsonPlace whole(document, kReadingOpensfm, name);
  if (whole.size() == 0) whole.fail("no reconstruction", "at least one");
  size_t largest = 0;
  const auto shots = [&](size_t i) { return whole.at(i).at("shots").value().size(); };
  for (size_t i = 1; i < whole.size(); ++i)
    if (shots(i) > shots(largest)) largest = i;
  OpenSfmModel result{.model = model_of(whole.at(largest)), .other_reconstructions = whole.size() - 1};
  if (result.model.images.empty()) whole.at(largest).fail("no shots", "at least one");
  return result;
}

OpenSfmModel read_opensfm(const std::filesystem::path& path) {
  return parse_opensfm(MappedFile::open(path).bytes(), path.string());
}

}  // namespace orrery::formats
