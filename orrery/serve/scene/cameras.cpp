#include "orrery/serve/scene/cameras.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::serve {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path) {}

  std::vector<SceneCamera> read() const {
    const json document = json::parse(read_text(path_), nullptr, /*allow_exceptions=*/false);
    if (document.is_discarded()) fail("", "no JSON", "a JSON object");
    const json* list = document.is_object() ? field(document, "cameras") : nullptr;
    if (list == nullptr || !list->is_array()) fail("cameras", list == nullptr ? "none" : list->type_name(), "an array");
    std::vector<SceneCamera> cameras;
    for (size_t i = 0; i < list->size(); ++i) cameras.push_back(camera((*list)[i], fmt::format("cameras[{}]", i)));
    return cameras;
  }

 private:
  SceneCamera camera(const json& object, const std::string& at) const {
    if (!object.is_object()) fail(at, object.type_name(), "an object");
    SceneCamera camera;
    camera.name = text(object, at, "name");
    View& view = camera.view;
    view.width = size(object, at, "width");
    view.height = size(object, at, "height");
    view.fx = focal_length(object, at, "fx");
    view.fy = focal_length(object, at, "fy");
    view.cx = number(need(object, at, "cx"), at + ".cx");
    view.cy = number(need(object, at, "cy"), at + ".cy");
    const json& pose = need(object, at, "camera_from_world");
    const std::string pose_at = at + ".camera_from_world";
    if (!pose.is_array() || pose.size() != 16)
      fail(pose_at, pose.is_array() ? fmt::format("{} elements", pose.size()) : pose.type_name(), "16 numbers");
    for (size_t i = 0; i < 16; ++i) view.camera_from_world[i] = number(pose[i], fmt::format("{}[{}]", pose_at, i));
    if (field(object, "photo") == nullptr) return camera;
    camera.photo = path_.parent_path() / text(object, at, "photo");
    if (!fs::is_regular_file(camera.photo)) fail(at + ".photo", "no file " + camera.photo.string(), "a picture");
    return camera;
  }

  static const json* field(const json& object, const char* name) {
    const auto found = object.find(name);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }

  const json& need(const json& object, const std::string& at, const char* name) const {
    const json* found = field(object, name);
    if (found == nullptr) fail(at, fmt::format("no {}", name), "it");
    return *found;
  }

  std::string text(const json& object, const std::string& at, const char* name) const {
    const json& value = need(object, at, name);
    if (!value.is_string()) fail(fmt::format("{}.{}", at, name), value.type_name(), "a string");
    return value.get<std::string>();
  }

  float number(const json& value, const std::string& at) const {
    if (!value.is_number()) fail(at, value.type_name(), "a number");
    const auto number = value.get<float>();
    if (!std::isfinite(number)) fail(at, value.dump(), "a number that fits a float");
    return number;
  }

  float focal_length(const json& object, const std::string& at, const char* name) const {
    const float length = number(need(object, at, name), fmt::format("{}.{}", at, name));
    if (!(length > 0)) fail(fmt::format("{}.{}", at, name), fmt::format("{}", length), "a number above 0");
    return length;
  }

  int size(const json& object, const std::string& at, const char* name) const {
    constexpr int64_t kMost = 1 << 20;
    const json& value = need(object, at, name);
    if (!value.is_number_integer() || value.get<int64_t>() < 1 || value.get<int64_t>() > kMost)
      fail(fmt::format("{}.{}", at, name), value.dump(), fmt::format("a whole number from 1 to {}", kMost));
    return value.get<int>();
  }

  [[noreturn]] void fail(const std::string& at, std::string found, std::string expected) const {
    throw Error({.doing = "read the cameras of a scene",
                 .where = path_.string() + (at.empty() ? "" : ", " + at),
                 .found = std::move(found),
                 .expected = std::move(expected)});
  }

  const fs::path path_;
};

}  // namespace

std::vector<SceneCamera> read_scene_cameras(const fs::path& path) { return Reader(path).read(); }

}  // namespace orrery::serve
