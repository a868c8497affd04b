#include "orrery/scene/gaussians/dataset_photos.h"

#include <algorithm>
#include <cmath>

namespace orrery::scene {

namespace {

/// Of the points that a frame saw; those that lie outside of its picture are lost with its borders.
std::vector<KnownDepth> depths_of(const Frame& frame, const formats::PointCloud& points) {
  std::vector<KnownDepth> all;
  const auto& m = frame.view.camera_from_world;
  for (const uint32_t row : frame.seen) {
    const auto& at = points.positions[row];
    Vector point;
    for (size_t i = 0; i < 3; ++i)
      point[i] = m[4 * i] * at[0] + m[4 * i + 1] * at[1] + m[4 * i + 2] * at[2] + m[4 * i + 3];
    const std::optional<Pixel> pixel = pixel_from_camera(frame.view, point);
    if (!pixel) continue;
    const double column = std::floor((*pixel)[0]), line = std::floor((*pixel)[1]);
    if (column < 0 || column >= frame.view.width || line < 0 || line >= frame.view.height) continue;
    all.push_back({static_cast<size_t>(line * frame.view.width + column), static_cast<float>(point[2])});
  }
  return all;
}

}  // namespace

DatasetPhotos::DatasetPhotos(const Dataset& dataset, Split split, PictureCache& cache)
    : dataset_(dataset), frames_(dataset.of(split)), cache_(cache) {
  for (const size_t frame : frames_) depths_.push_back(depths_of(dataset.frames[frame], dataset.points));
}

void DatasetPhotos::load(size_t index, const std::array<float, 3>& background, Photo& photo) {
  const std::shared_ptr<const Picture> picture = cache_.get(frames_[index]);
  photo.rgb.resize(static_cast<size_t>(picture->width) * static_cast<size_t>(picture->height) * 3);
  composite(*picture, background, photo.rgb);
  photo.mask.resize(picture->mask.size());
  std::ranges::transform(picture->mask, photo.mask.begin(),
                         [](uint8_t value) { return static_cast<float>(value) / 255; });
}

void DatasetPhotos::will_need(std::span<const size_t> indices) {
  std::vector<size_t> frames;
  for (const size_t index : indices) frames.push_back(frames_[index]);
  cache_.will_need(frames);
}

}  // namespace orrery::scene
