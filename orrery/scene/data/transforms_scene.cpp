// transforms.json in its dialects.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/image.h"
#include "orrery/formats/transforms_json.h"
#include "orrery/scene/data/readers.h"

namespace orrery::scene {
namespace {

namespace fs = std::filesystem;
using formats::CameraModel;
using formats::ColmapCamera;
using formats::TransformsFile;
using formats::TransformsFrame;
using formats::TransformsIntrinsics;

[[noreturn]] void refuse_transforms(const std::string& where, std::string found, std::string expected) {
  throw Error({.doing = "read a scene's transforms",
               .where = where,
               .found = std::move(found),
               .expected = std::move(expected)});
}

/// Camera-to-world with OpenGL's axes, inverted, with OpenCV's: y and z of camera space change their signs. The matrix
/// may scale, as some exports do: its columns are made unit vectors, lengths of the scene stay.
std::array<double, 16> inverted_pose(const std::array<double, 16>& m, const std::string& where) {
  std::array<std::array<double, 3>, 3> axes;
  for (size_t i = 0; i < 3; ++i) {
    const double length = std::hypot(m[i], m[4 + i], m[8 + i]);
    if (!(length > 1e-9)) refuse_transforms(where, "an axis of length 0", "a rotation");
    for (size_t row = 0; row < 3; ++row) axes[i][row] = m[4 * row + i] / length * (i == 0 ? 1 : -1);
  }
  const auto dot = [](const auto& a, const auto& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; };
  if (std::abs(dot(axes[0], axes[1])) + std::abs(dot(axes[0], axes[2])) + std::abs(dot(axes[1], axes[2])) > 1e-2)
    refuse_transforms(where, "axes that are not at right angles", "a rotation");
  const std::array<double, 3> centre = {m[3], m[7], m[11]};
  std::array<double, 16> result{};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t k = 0; k < 3; ++k) result[4 * i + k] = axes[i][k];
    result[4 * i + 3] = -dot(axes[i], centre);
  }
  result[15] = 1;
  return result;
}

/// The file that is meant: Blender's lists leave the extension out.
fs::path find_picture(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name;
  if (fs::is_regular_file(path)) return path;
  for (const char* extension : {".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG"})
    if (fs::path with = path.string() + extension; fs::is_regular_file(with)) return with;
  return path.has_extension() ? path : fs::path(path.string() + ".png");
}

/// nerfstudio keeps images_2, images_4 and images_8 beside images.
fs::path find_smaller(const fs::path& folder, const std::string& name, const ReadOptions& options) {
  const fs::path path(name);
  if (options.downscale > 1 && path.has_parent_path()) {
    const fs::path smaller =
        folder / fmt::format("{}_{}", path.parent_path().string(), options.downscale) / path.filename();
    if (fs::is_regular_file(smaller)) return smaller;
  }
  return find_picture(folder, name);
}

CameraModel model_of(const TransformsIntrinsics& given, const std::string& where) {
  const std::string& name = given.camera_model;
  if (name == "OPENCV_FISHEYE" || name == "FISHEYE") return CameraModel::kOpenCvFisheye;
  if (name == "EQUIRECTANGULAR") return CameraModel::kEquirectangular;
  for (const char* known : {"OPENCV", "PERSPECTIVE", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL"})
    if (name == known) return CameraModel::kFullOpenCv;
  refuse_transforms(where + ", camera_model", formats::printable(name),
                    "OPENCV, OPENCV_FISHEYE, PINHOLE or EQUIRECTANGULAR");
}

double focal_length(std::optional<double> given, std::optional<double> angle, double size, double other) {
  if (given) return *given;
  return angle ? 0.5 * size / std::tan(*angle / 2) : other;
}

ColmapCamera camera_of(const TransformsIntrinsics& given, formats::ImageSize size, const std::string& where) {
  ColmapCamera camera{
      .model = model_of(given, where), .width = given.w.value_or(size.width), .height = given.h.value_or(size.height)};
  if (camera.width < 1 || camera.height < 1 || camera.width > 1 << 20 || camera.height > 1 << 20)
    refuse_transforms(where, fmt::format("{} × {} pixels", camera.width, camera.height),
                      "w and h, or a picture that says them");
  const auto w = static_cast<double>(camera.width), h = static_cast<double>(camera.height);
  if (camera.model == CameraModel::kEquirectangular) {
    camera.parameters = {w, h};
    return camera;
  }
  const double from_y = focal_length(given.fl_y, given.camera_angle_y, h, 0),
               fx = focal_length(given.fl_x, given.camera_angle_x, w, from_y),
               fy = focal_length(given.fl_y, given.camera_angle_y, h, fx);
  if (!(fx > 0 && fy > 0)) refuse_transforms(where, "no focal length", "fl_x or camera_angle_x");
  camera.parameters = {fx, fy, given.cx.value_or(w / 2), given.cy.value_or(h / 2)};
  if (camera.model == CameraModel::kOpenCvFisheye) {
    for (const double k : {given.k1, given.k2, given.k3, given.k4}) camera.parameters.push_back(k);
    return camera;
  }
  if (given.k4 != 0) refuse_transforms(where + ", k4", fmt::format("{}", given.k4), "0 in a camera that is no fisheye");
  for (const double k : {given.k1, given.k2, given.p1, given.p2, given.k3, 0.0, 0.0, 0.0})
    camera.parameters.push_back(k);
  return camera;
}

size_t index_of(const ColmapCamera& camera, std::vector<ColmapCamera>& cameras) {
  const auto found = std::ranges::find_if(cameras, [&](const ColmapCamera& other) {
    return other.model == camera.model && other.width == camera.width && other.height == camera.height &&
           other.parameters == camera.parameters;
  });
  if (found != cameras.end()) return static_cast<size_t>(found - cameras.begin());
  cameras.push_back(camera);
  cameras.back().id = static_cast<uint32_t>(cameras.size());
  return cameras.size() - 1;
}

/// "train/r_0" of "./train/r_0.png"
std::string plain_name(const std::string& file_path) { return fs::path(file_path).lexically_normal().generic_string(); }

/// Of the first picture that is there: NeRF's lists do not say how large their pictures are.
formats::ImageSize first_size(const TransformsFile& file, const fs::path& folder) {
  for (const TransformsFrame& frame : file.frames)
    if (const fs::path path = find_picture(folder, frame.file_path); fs::is_regular_file(path))
      return formats::read_image_size(path);
  return {};
}

void take_frames(const TransformsFile& file, const fs::path& path, std::optional<Split> split,
                 const ReadOptions& options, RawScene& scene) {
  const fs::path folder = path.parent_path();
  const auto missing_size = [](const TransformsFrame& frame) { return !frame.intrinsics.w || !frame.intrinsics.h; };
  const formats::ImageSize size =
      std::ranges::any_of(file.frames, missing_size) ? first_size(file, folder) : formats::ImageSize{};
  for (size_t i = 0; i < file.frames.size(); ++i) {
    const TransformsFrame& frame = file.frames[i];
    const std::string where = fmt::format("{}, frames[{}]", path.string(), i);
    RawFrame raw{.name = plain_name(frame.file_path),
                 .camera = index_of(camera_of(frame.intrinsics, size, where), scene.cameras),
                 .camera_from_world = inverted_pose(frame.world_from_camera, where + ".transform_matrix"),
                 .picture = find_smaller(folder, frame.file_path, options),
                 .time = frame.time,
                 .split = split};
    if (!frame.mask_path.empty()) raw.mask = folder / frame.mask_path;
    scene.frames.push_back(std::move(raw));
  }
}

/// nerfstudio's lists of names, where the file has them.
void take_splits(const TransformsFile& file, RawScene& scene) {
  const auto take = [&](const std::optional<std::vector<std::string>>& names, Split split) {
    if (!names) return;
    std::set<std::string> wanted;
    for (const std::string& name : *names) wanted.insert(plain_name(name));
    for (RawFrame& frame : scene.frames)
      if (wanted.contains(frame.name)) frame.split = split;
  };
  take(file.train_filenames, Split::kTrain);
  take(file.val_filenames, Split::kValidation);
  take(file.test_filenames, Split::kTest);
}

void take_points(const TransformsFile& file, RawScene& scene) {
  std::vector<fs::path> candidates;
  if (!file.ply_file_path.empty()) candidates.push_back(scene.folder / file.ply_file_path);
  for (const char* name : {"points3d.ply", "points3D.ply", "sparse_pc.ply"}) candidates.push_back(scene.folder / name);
  for (const fs::path& path : candidates) {
    if (!fs::is_regular_file(path)) continue;
    scene.points = formats::read_point_cloud(path);
    return;
  }
  if (!file.ply_file_path.empty()) scene.notes.push_back(fmt::format("{} is missing", candidates.front().string()));
}

}  // namespace

std::optional<RawScene> read_transforms_scene(const fs::path& folder, const ReadOptions& options) {
  const fs::path train = folder / "transforms_train.json", single = folder / "transforms.json";
  const bool blender = fs::is_regular_file(train);
  if (!blender && !fs::is_regular_file(single)) return std::nullopt;
  RawScene scene{.folder = folder, .kind = blender ? "transforms_train.json (NeRF synthetic)" : "transforms.json"};
  const TransformsFile file = formats::read_transforms_json(blender ? train : single);
  take_frames(file, blender ? train : single, blender ? std::optional(Split::kTrain) : std::nullopt, options, scene);
  if (blender) {
    scene.background = Background::kWhite;
    for (const auto& [name, split] :
         {std::pair("transforms_test.json", Split::kTest), std::pair("transforms_val.json", Split::kValidation)}) {
      if (!fs::is_regular_file(folder / name)) continue;
      const TransformsFile more = formats::read_transforms_json(folder / name);
      take_frames(more, folder / name, split, options, scene);
    }
    std::set<std::string> test;
    for (const RawFrame& frame : scene.frames)
      if (frame.split == Split::kTest) test.insert(frame.name);
    if (std::erase_if(scene.frames, [&](const RawFrame& frame) {
          return frame.split == Split::kValidation && test.contains(frame.name);
        }) > 0)
      scene.notes.emplace_back("transforms_val.json names pictures of the test list again; they are left out");
  }
  take_splits(file, scene);
  take_points(file, scene);
  if (std::ranges::any_of(scene.frames, [](const RawFrame& frame) { return frame.time.has_value(); }))
    scene.kind += ", with times";
  return scene;
}

}  // namespace orrery::scene
