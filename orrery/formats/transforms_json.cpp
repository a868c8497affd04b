#include "orrery/formats/transforms_json.h"

#include "orrery/base/file.h"
#include "orrery/formats/json_place.h"

namespace orrery::formats {
namespace {

const std::string kReadingTransforms = "read a scene's transforms";

template <class Number>
void overlay(const JsonPlace& place, const char* key, Number& member) {
  if (!place.has(key)) return;
  if constexpr (std::is_same_v<Number, std::optional<int64_t>>)
    member = place.at(key).whole();
  else
    member = place.at(key).number();
}

void overlay(const JsonPlace& place, TransformsIntrinsics& camera) {
  overlay(place, "w", camera.w);
  overlay(place, "h", camera.h);
  overlay(place, "fl_x", camera.fl_x);
  overlay(place, "fl_y", camera.fl_y);
  overlay(place, "cx", camera.cx);
  overlay(place, "cy", camera.cy);
  overlay(place, "camera_angle_x", camera.camera_angle_x);
  overlay(place, "camera_angle_y", camera.camera_angle_y);
  overlay(place, "k1", camera.k1);
  overlay(place, "k2", camera.k2);
  overlay(place, "k3", camera.k3);
  overlay(place, "k4", camera.k4);
  overlay(place, "p1", camera.p1);
  overlay(place, "p2", camera.p2);
  if (place.has("camera_model")) camera.camera_model = place.at("camera_model").text();
  if (place.has("is_fisheye") && place.at("is_fisheye").flag()) camera.camera_model = "OPENCV_FISHEYE";
}

std::array<double, 16> matrix(const JsonPlace& place) {
  std::array<double, 16> all = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (place.size() != 3 && place.size() != 4) place.fail(std::to_string(place.size()) + " rows", "4");
  for (size_t row = 0; row < place.size(); ++row) {
    const auto numbers = place.at(row).numbers<4>();
    std::copy(numbers.begin(), numbers.end(), all.begin() + static_cast<std::ptrdiff_t>(4 * row));
  }
  return all;
}

TransformsFrame frame(const JsonPlace& place, const TransformsIntrinsics& shared) {
  TransformsFrame frame;
  frame.file_path = place.at("file_path").text();
  if (place.has("mask_path")) frame.mask_path = place.at("mask_path").text();
  frame.world_from_camera = matrix(place.at("transform_matrix"));
  if (place.has("time")) frame.time = place.at("time").number();
  frame.intrinsics = shared;
  overlay(place, frame.intrinsics);
  return frame;
}

}  // namespace

TransformsFile parse_transforms_json(std::span<const std::byte> bytes, const std::string& name) {
  constexpr int kMaxDepth = 16;
  const nlohmann::json document = parse_json_document(bytes, kReadingTransforms, name, kMaxDepth);
  const JsonPlace whole(document, kReadingTransforms, name);
  TransformsIntrinsics shared;
  overlay(whole, shared);
  TransformsFile file;
  const JsonPlace frames = whole.at("frames");
  if (frames.size() == 0) frames.fail("no frames", "at least one");
  for (size_t i = 0; i < frames.size(); ++i) file.frames.push_back(frame(frames.at(i), shared));
  if (whole.has("ply_file_path")) file.ply_file_path = whole.at("ply_file_path").text();
  if (whole.has("train_filenames")) file.train_filenames = whole.at("train_filenames").texts();
  if (whole.has("val_filenames")) file.val_filenames = whole.at("val_filenames").texts();
  if (whole.has("test_filenames")) file.test_filenames = whole.at("test_filenames").texts();
  return file;
}

TransformsFile read_transforms_json(const std::filesystem::path& path) {
  return parse_transforms_json(MappedFile::open(path).bytes(), path.string());
}

}  // namespace orrery::formats
