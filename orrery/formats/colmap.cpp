#include "orrery/formats/colmap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/colmap_forms.h"

namespace orrery::formats {
namespace {

namespace fs = std::filesystem;

constexpr const char* kParts[] = {"cameras", "images", "points3D"};

const char* extension(ColmapForm form) { return form == ColmapForm::kBinary ? ".bin" : ".txt"; }

bool has_form(const fs::path& folder, ColmapForm form) {
  return std::ranges::all_of(
      kParts, [&](const char* part) { return fs::is_regular_file(folder / (std::string(part) + extension(form))); });
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

[[noreturn]] void refuse_model(const std::string& name, const std::string& field, std::string found,
                               std::string expected) {
  throw Error({.doing = kReadingColmap,
               .where = name + ", " + field,
               .found = std::move(found),
               .expected = std::move(expected)});
}

template <class Numbers>
void check_finite(const Numbers& numbers, const std::string& name, const std::string& field) {
  if (!std::ranges::all_of(numbers, [](double number) { return std::isfinite(number); }))
    refuse_model(name, field, "a number that is not finite", "finite ones");
}

template <class Entry>
void check_ids(const std::vector<Entry>& entries, const std::string& name, const char* kind) {
  std::unordered_set<uint64_t> ids;
  ids.reserve(entries.size());
  for (const Entry& entry : entries)
    if (!ids.insert(entry.id).second)
      refuse_model(name, fmt::format("{} {}", kind, entry.id), "the same id twice", "one entry each");
}

void check(const std::vector<ColmapCamera>& cameras, const std::string& name) {
  constexpr int64_t kMaxSide = 1 << 20;
  if (cameras.empty()) refuse_model(name, "cameras", "none", "at least one");
  check_ids(cameras, name, "camera");
  for (const ColmapCamera& camera : cameras) {
    const std::string field = fmt::format("camera {}", camera.id);
    if (camera.width < 1 || camera.height < 1 || camera.width > kMaxSide || camera.height > kMaxSide)
      refuse_model(name, field, fmt::format("{} × {} pixels", camera.width, camera.height), "1 to 1048576 each way");
    check_finite(camera.parameters, name, field);
  }
}

void check(const std::vector<ColmapImage>& images, const std::string& name) {
  if (images.empty()) refuse_model(name, "images", "none", "at least one that was registered");
  check_ids(images, name, "image");
  for (const ColmapImage& image : images) {
    const std::string field = fmt::format("image {}", printable(image.name));
    check_finite(image.rotation, name, field);
    check_finite(image.translation, name, field);
    double length = 0;
    for (const double q : image.rotation) length += q * q;
    if (!(length > 1e-12)) refuse_model(name, field, "a rotation of length 0", "a quaternion of length 1");
    if (image.name.empty()) refuse_model(name, fmt::format("image {}", image.id), "no name", "the photo's file name");
  }
}

void check(const std::vector<ColmapPoint>& points, const std::string& name) {
  check_ids(points, name, "point");
  for (const ColmapPoint& point : points) check_finite(point.position, name, fmt::format("point {}", point.id));
}

}  // namespace

const std::vector<CameraModelInfo>& camera_models() {
  static const std::vector<CameraModelInfo> kModels = {
      {CameraModel::kSimplePinhole, "SIMPLE_PINHOLE", {"f", "cx", "cy"}},
      {CameraModel::kPinhole, "PINHOLE", {"fx", "fy", "cx", "cy"}},
      {CameraModel::kSimpleRadial, "SIMPLE_RADIAL", {"f", "cx", "cy", "k"}},
      {CameraModel::kRadial, "RADIAL", {"f", "cx", "cy", "k1", "k2"}},
      {CameraModel::kOpenCv, "OPENCV", {"fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"}},
      {CameraModel::kOpenCvFisheye, "OPENCV_FISHEYE", {"fx", "fy", "cx", "cy", "k1", "k2", "k3", "k4"}},
      {CameraModel::kFullOpenCv,
       "FULL_OPENCV",
       {"fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"}},
      {CameraModel::kFov, "FOV", {"fx", "fy", "cx", "cy", "omega"}},
      {CameraModel::kSimpleRadialFisheye, "SIMPLE_RADIAL_FISHEYE", {"f", "cx", "cy", "k"}},
      {CameraModel::kRadialFisheye, "RADIAL_FISHEYE", {"f", "cx", "cy", "k1", "k2"}},
      {CameraModel::kThinPrismFisheye,
       "THIN_PRISM_FISHEYE",
       {"fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3", "k4", "sx1", "sy1"}},
      {CameraModel::kRadTanThinPrismFisheye,
       "RAD_TAN_THIN_PRISM_FISHEYE",
       {"fx", "fy", "cx", "cy", "k0", "k1", "k2", "k3", "k4", "k5", "p0", "p1", "s0", "s1", "s2", "s3"}},
      {CameraModel::kSimpleDivision, "SIMPLE_DIVISION", {"f", "cx", "cy", "k"}},
      {CameraModel::kDivision, "DIVISION", {"fx", "fy", "cx", "cy", "k"}},
      {CameraModel::kSimpleFisheye, "SIMPLE_FISHEYE", {"f", "cx", "cy"}},
      {CameraModel::kFisheye, "FISHEYE", {"fx", "fy", "cx", "cy"}},
      {CameraModel::kEucm, "EUCM", {"fx", "fy", "cx", "cy", "alpha", "beta"}},
      {CameraModel::kEquirectangular, "EQUIRECTANGULAR", {"w", "h"}},
  };
  return kModels;
}

const CameraModelInfo& info_of(CameraModel model) { return camera_models()[static_cast<size_t>(model)]; }

const CameraModelInfo* find_camera_model(std::string_view name) {
  const auto found = std::ranges::find(camera_models(), name, &CameraModelInfo::name);
  return found == camera_models().end() ? nullptr : &*found;
}

std::vector<ColmapCamera> parse_colmap_cameras(std::span<const std::byte> bytes, ColmapForm form,
                                               const std::string& name) {
  auto cameras =
      form == ColmapForm::kBinary ? parse_binary_cameras(bytes, name) : parse_text_cameras(text_of(bytes), name);
  check(cameras, name);
  return cameras;
}

std::vector<ColmapImage> parse_colmap_images(std::span<const std::byte> bytes, ColmapForm form, const std::string& name,
                                             const ColmapOptions& options) {
  auto images = form == ColmapForm::kBinary ? parse_binary_images(bytes, name, options)
                                            : parse_text_images(text_of(bytes), name, options);
  check(images, name);
  return images;
}

std::vector<ColmapPoint> parse_colmap_points(std::span<const std::byte> bytes, ColmapForm form, const std::string& name,
                                             const ColmapOptions& options) {
  auto points = form == ColmapForm::kBinary ? parse_binary_points(bytes, name, options)
                                            : parse_text_points(text_of(bytes), name, options);
  check(points, name);
  return points;
}

bool has_colmap_model(const fs::path& folder) {
  return has_form(folder, ColmapForm::kBinary) || has_form(folder, ColmapForm::kText);
}

ColmapModel read_colmap(const fs::path& folder, const ColmapOptions& options) {
  if (!has_colmap_model(folder))
    throw Error({.doing = kReadingColmap,
                 .where = folder.string(),
                 .found = "no whole model",
                 .expected = "cameras, images and points3D, all .bin or all .txt"});
  const ColmapForm form = has_form(folder, ColmapForm::kBinary) ? ColmapForm::kBinary : ColmapForm::kText;
  const auto open = [&](int part) { return MappedFile::open(folder / (std::string(kParts[part]) + extension(form))); };
  const MappedFile cameras = open(0), images = open(1), points = open(2);
  ColmapModel model;
  model.cameras = parse_colmap_cameras(cameras.bytes(), form, cameras.path().string());
  model.images = parse_colmap_images(images.bytes(), form, images.path().string(), options);
  model.points = parse_colmap_points(points.bytes(), form, points.path().string(), options);
  std::unordered_set<uint32_t> ids;
  for (const ColmapCamera& camera : model.cameras) ids.insert(camera.id);
  for (const ColmapImage& image : model.images)
    if (!ids.contains(image.camera_id))
      refuse_model(images.path().string(), fmt::format("image {}", printable(image.name)),
                   fmt::format("camera {}", image.camera_id),
                   fmt::format("one of the {} in cameras", model.cameras.size()));
  return model;
}

void write_colmap(const ColmapModel& model, const fs::path& folder, ColmapForm form) {
  const auto write = [&](const char* part, const auto& entries) {
    AtomicFile file(folder / (std::string(part) + extension(form)));
    form == ColmapForm::kBinary ? write_binary(entries, file) : write_text(entries, file);
    file.commit();
  };
  write(kParts[0], model.cameras);
  write(kParts[1], model.images);
  write(kParts[2], model.points);
}

}  // namespace orrery::formats
