#include "orrery/scene/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "orrery/base/error.h"
#include "orrery/base/random.h"
#include "orrery/formats/image.h"

namespace orrery::scene {
namespace {

namespace fs = std::filesystem;
using formats::ColmapCamera;
using formats::ImageSize;

constexpr int64_t kLargestSide = 1600;  // INRIA's rule for pictures that nobody scaled

[[noreturn]] void refuse_files(const fs::path& where, std::string found, std::string expected,
                               std::string advice = "") {
  throw Error({.doing = "open a scene",
               .where = where.string(),
               .found = std::move(found),
               .expected = std::move(expected),
               .advice = std::move(advice)});
}

void leave_out_missing(RawScene& scene, std::vector<std::string>& notes) {
  std::string first;
  const size_t all = scene.frames.size(), missing = std::erase_if(scene.frames, [&](const RawFrame&frame) {
                                            if (fs::is_regular_file(frame.picture)) return false;
                                            if (first.empty()) first = frame.picture.string();
                                            return true;
                                          });
  if (scene.frames.empty())
    refuse_files(first, fmt::format("none of the {} pictures", all), "those that the poses name");
  if (missing > 0)
    notes.push_back(fmt::format("{} of {} pictures are missing ({} first) and left out", missing, all, first));
}

/// A camera at the size of a picture file. images_4 holds smaller ones than the camera says, rounded either way; a
/// picture of another shape is not this camera's.
ColmapCamera fitted(const ColmapCamera& camera, const ImageSize& size, const fs::path& picture) {
  const double across = static_cast<double>(size.width) / static_cast<double>(camera.width),
               down = static_cast<double>(size.height) / static_cast<double>(camera.height);
  const double pixels_off = std::abs(across - down) * static_cast<double>(std::max(camera.width, camera.height));
  if (pixels_off > 2 + 0.01 * static_cast<double>(std::max(size.width, size.height)))
    refuse_files(picture, fmt::format("{} × {} pixels", size.width, size.height),
                 fmt::format("the shape of its camera, {} × {}", camera.width, camera.height),
                 "was it turned or cropped after the poses were found?");
  return at_size(camera, size.width, size.height);
}

int factor_of(const DatasetOptions& options, const RawScene& scene) {
  if (options.downscale > 0) return options.downscale;
  int64_t side = 0;
  for (const ColmapCamera& camera : scene.cameras) side = std::max({side, camera.width, camera.height});
  return static_cast<int>((side + kLargestSide - 1) / kLargestSide);
}

DatasetCamera plan(const ColmapCamera& camera, double factor, const UndistortOptions& options) {
  DatasetCamera result{.camera = camera};
  const Lens lens(camera);
  result.bends = !lens.is_plain();
  if (result.bends)
    result.undistortion = plan_undistortion(camera, options);
  else
    result.undistortion.view = view_of(lens, static_cast<int>(camera.width), static_cast<int>(camera.height));
  const auto smaller = [&](int side) { return std::max(1, static_cast<int>(std::lround(side / factor))); };
  result.width = factor > 1 ? smaller(result.undistortion.view.width) : result.undistortion.view.width;
  result.height = factor > 1 ? smaller(result.undistortion.view.height) : result.undistortion.view.height;
  return result;
}

/// Cameras as they are needed: one for each camera of the scene and size of file.
class Cameras {
 public:
  Cameras(const RawScene& scene, int downscale, const UndistortOptions& options, Dataset& dataset)
      : scene_(scene), downscale_(downscale), options_(options), dataset_(dataset) {}

  size_t of(const RawFrame& frame) {
    const ImageSize size = formats::read_image_size(frame.picture);
    const auto [at, added] = index_.try_emplace({frame.camera, size.width, size.height}, dataset_.cameras.size());
    if (!added) return at->second;
    const ColmapCamera& said = scene_.cameras[frame.camera];
    const ColmapCamera camera = fitted(said, size, frame.picture);
    // What the files' own scaling has done already need not be done again.
    const double done = static_cast<double>(said.width) / static_cast<double>(size.width);
    const bool ready = done > 1.01;
    files_are_smaller_ |= ready;
    scaled_here_ |= !ready && downscale_ > 1;
    dataset_.cameras.push_back(plan(camera, ready ? std::max(1.0, downscale_ / done) : downscale_, options_));
    return at->second;
  }

  void note() const {
    if (files_are_smaller_)
      dataset_.notes.push_back("picture files are smaller than their cameras say, which are scaled");
    if (scaled_here_)
      dataset_.notes.push_back(fmt::format("pictures are made {} times smaller: {}; another method moves PSNR",
                                           downscale_, description(dataset_.resampling)));
    for (const DatasetCamera& camera : dataset_.cameras) {
      if (!camera.bends) continue;
      const Undistortion& made = camera.undistortion;
      dataset_.notes.push_back(fmt::format(
          "camera {} ({}, {} × {}) is undistorted to a {} of {} × {}: {:.1f} % of its pixels are lost at the borders, "
          "{:.1f} % of the new picture has no source and is masked",
          camera.camera.id, formats::info_of(camera.camera.model).name, camera.camera.width, camera.camera.height,
          made.view.projection == Projection::kFisheye ? "fisheye" : "pinhole", made.view.width, made.view.height,
          100 * made.lost, 100 * made.empty));
    }
  }

 private:
  const RawScene& scene_;
  int downscale_;
  const UndistortOptions& options_;
  Dataset& dataset_;
  std::map<std::tuple<size_t, int64_t, int64_t>, size_t> index_;
  bool files_are_smaller_ = false, scaled_here_ = false;
};

View view_of(const DatasetCamera& camera, const std::array<double, 16>& camera_from_world) {
  View view = at_size(camera.undistortion.view, camera.width, camera.height);
  std::ranges::transform(camera_from_world, view.camera_from_world.begin(),
                         [](double value) { return static_cast<float>(value); });
  return view;
}

void measure(Dataset& dataset) {
  const std::vector<size_t> train = dataset.of(Split::kTrain);
  std::array<double, 3> mean{};
  for (const size_t frame : train)
    for (size_t i = 0; i < 3; ++i)
      mean[i] += dataset.frames[frame].view.centre()[i] / static_cast<double>(train.size());
  double furthest = 0;
  for (const size_t frame : train) {
    const auto at = dataset.frames[frame].view.centre();
    furthest = std::max(furthest, std::hypot(at[0] - mean[0], at[1] - mean[1], at[2] - mean[2]));
  }
  for (size_t i = 0; i < 3; ++i) dataset.centre[i] = static_cast<float>(mean[i]);
  dataset.extent = furthest > 0 ? static_cast<float>(1.1 * furthest) : 1;
}

/// Kerbl et al.'s start for NeRF's synthetic scenes: uniform in a cube, nearly grey.
void draw_points(Dataset& dataset, bool synthetic, const DatasetOptions& options) {
  constexpr float kSyntheticHalf = 1.3f;
  RandomStream random(options.seed, "scene/points");
  const float half = synthetic ? kSyntheticHalf : dataset.extent;
  for (size_t i = 0; i < options.random_points; ++i) {
    std::array<float, 3> position;
    for (size_t axis = 0; axis < 3; ++axis)
      position[axis] = (synthetic ? 0 : dataset.centre[axis]) + half * static_cast<float>(2 * random.uniform() - 1);
    dataset.points.positions.push_back(position);
    dataset.points.colours.push_back({128, 128, 128});
  }
  dataset.points_are_random = true;
  dataset.notes.push_back(
      fmt::format("the scene has no points: {} random ones within ±{:.3g}", options.random_points, half));
}

}  // namespace

std::vector<size_t> Dataset::of(Split split) const {
  std::vector<size_t> all;
  for (size_t i = 0; i < frames.size(); ++i)
    if (frames[i].split == split) all.push_back(i);
  return all;
}

Dataset open_dataset(const fs::path& folder, const DatasetOptions& options) {
  ReadOptions read = options.read;
  read.downscale = options.downscale;
  RawScene scene = read_scene(folder, read);
  Dataset dataset{.folder = folder,
                  .kind = scene.kind,
                  .points = std::move(scene.points),
                  .background = scene.background,
                  .downscale = factor_of(options, scene),
                  .resampling = options.resampling,
                  .notes = scene.notes};
  leave_out_missing(scene, dataset.notes);
  Cameras cameras(scene, dataset.downscale, options.undistort, dataset);
  set_splits(scene, options.test_every);
  for (const RawFrame& raw : scene.frames) {
    const size_t camera = cameras.of(raw);
    dataset.has_times |= raw.time.has_value();
    dataset.frames.push_back({.name = raw.name,
                              .view = view_of(dataset.cameras[camera], raw.camera_from_world),
                              .picture = raw.picture,
                              .mask = raw.mask,
                              .time = raw.time.value_or(0),
                              .split = *raw.split,
                              .camera = camera,
                              .seen = raw.seen});
  }
  cameras.note();
  if (!scene.unregistered.empty())
    dataset.notes.push_back(fmt::format("{} pictures in the folder have no pose ({} first)", scene.unregistered.size(),
                                        scene.unregistered.front()));
  if (dataset.of(Split::kTrain).empty())
    refuse_files(folder, fmt::format("{} pictures, none of them to train on", dataset.frames.size()), "at least one");
  measure(dataset);
  if (dataset.points.positions.empty() && options.random_points > 0)
    draw_points(dataset, scene.background == Background::kWhite, options);
  return dataset;
}

Picture load(const Dataset& dataset, size_t index, ThreadPool& pool) {
  const Frame& frame = dataset.frames.at(index);
  const DatasetCamera& camera = dataset.cameras[frame.camera];
  Picture picture = read_picture(frame.picture, frame.mask);
  if (picture.width != camera.camera.width || picture.height != camera.camera.height)
    refuse_files(frame.picture, fmt::format("{} × {} pixels", picture.width, picture.height),
                 fmt::format("{} × {}, as when the scene was opened", camera.camera.width, camera.camera.height));
  if (camera.bends) picture = undistorted(picture, Lens(camera.camera), camera.undistortion.view, pool);
  if (picture.width == camera.width && picture.height == camera.height) return picture;
  return resized(picture, camera.width, camera.height, dataset.resampling, pool);
}

}  // namespace orrery::scene
