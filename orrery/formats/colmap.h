// COLMAP's sparse models (colmap.github.io/format.html): cameras, photos with their poses, points; binary and text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::formats {

/// COLMAP's camera models under its numbers. What each does to a ray stands in orrery/scene/cameras/lens.h.
enum class CameraModel : int32_t {
  kSimplePinhole = 0,
  kPinhole = 1,
  kSimpleRadial = 2,
  kRadial = 3,
  kOpenCv = 4,
  kOpenCvFisheye = 5,
  kFullOpenCv = 6,
  kFov = 7,
  kSimpleRadialFisheye = 8,
  kRadialFisheye = 9,
  kThinPrismFisheye = 10,
  kRadTanThinPrismFisheye = 11,
  kSimpleDivision = 12,
  kDivision = 13,
  kSimpleFisheye = 14,
  kFisheye = 15,
  kEucm = 16,
  kEquirectangular = 17,
};

/// A row of the table of models: COLMAP's name and the names of its parameters in their order. A model has one focal
/// length f or two, fx and fy; the principal point cx, cy follows, then what bends the rays. kEquirectangular has the
/// picture's size alone.
struct CameraModelInfo {
  CameraModel model;
  std::string_view name;
  std::vector<std::string_view> parameters;
};
const std::vector<CameraModelInfo>& camera_models();
/// Every model has its row.
const CameraModelInfo& info_of(CameraModel model);
/// nullptr where COLMAP has no model of that name.
const CameraModelInfo* find_camera_model(std::string_view name);

/// Pixels are counted as in orrery/base/camera.h: the first one's centre lies at (0.5, 0.5).
struct ColmapCamera {
  uint32_t id = 0;
  CameraModel model = CameraModel::kPinhole;
  int64_t width = 0, height = 0;
  std::vector<double> parameters;  ///< as many as the model has names for
  bool operator==(const ColmapCamera&) const = default;
};

/// Where a photo saw something, and the point that it belongs to.
struct ColmapObservation {
  static constexpr uint64_t kNoPoint = UINT64_MAX;  // -1 in text
  double x = 0, y = 0;
  uint64_t point_id = kNoPoint;
  bool operator==(const ColmapObservation&) const = default;
};

/// A photo that was registered: camera = rotation·world + translation, axes as in orrery/base/camera.h.
struct ColmapImage {
  uint32_t id = 0;
  std::array<double, 4> rotation = {1, 0, 0, 0};  ///< quaternion w x y z, of unit length or nearly
  std::array<double, 3> translation = {};
  uint32_t camera_id = 0;
  std::string name;  ///< below the folder of photos
  std::vector<ColmapObservation> observations;
  bool operator==(const ColmapImage&) const = default;
};

struct ColmapTrackElement {
  uint32_t image_id = 0, observation = 0;
  bool operator==(const ColmapTrackElement&) const = default;
};

struct ColmapPoint {
  uint64_t id = 0;
  std::array<double, 3> position = {};
  std::array<uint8_t, 3> colour = {};
  double error = 0;  ///< mean reprojection error in pixels, -1 where it was not computed
  std::vector<ColmapTrackElement> track;
  bool operator==(const ColmapPoint&) const = default;
};

/// In the order of the files, which is neither that of the ids nor that of the names.
struct ColmapModel {
  std::vector<ColmapCamera> cameras;
  std::vector<ColmapImage> images;
  std::vector<ColmapPoint> points;
};

enum class ColmapForm { kBinary, kText };

struct ColmapOptions {
  /// Keep the photos' observations and the points' tracks. They are most of a file, so that without them a large model
  /// takes a tenth of the memory.
  bool observations = false;
};

/// Whether the folder holds cameras, images and points3D, all .bin or all .txt.
bool has_colmap_model(const std::filesystem::path& folder);

/// Reads cameras, images and points3D, .bin where all three are there, else .txt. What COLMAP 3.12 and later write
/// beside them (rigs, frames) is not needed: images holds each photo's own pose still. Throws Error naming file, entry
/// and field: what is missing or cut short, unknown camera models, ids that come twice or name nothing, numbers that
/// are not finite.
ColmapModel read_colmap(const std::filesystem::path& folder, const ColmapOptions& options = {});

/// Writes the three files into a folder that exists, each wholly or not at all. Throws Error naming the file.
void write_colmap(const ColmapModel& model, const std::filesystem::path& folder, ColmapForm form);

/// One file's bytes; `name` is what messages call it.
std::vector<ColmapCamera> parse_colmap_cameras(std::span<const std::byte> bytes, ColmapForm form,
                                               const std::string& name);
std::vector<ColmapImage> parse_colmap_images(std::span<const std::byte> bytes, ColmapForm form, const std::string& name,
                                             const ColmapOptions& options = {});
std::vector<ColmapPoint> parse_colmap_points(std::span<const std::byte> bytes, ColmapForm form, const std::string& name,
                                             const ColmapOptions& options = {});

}  // namespace orrery::formats
