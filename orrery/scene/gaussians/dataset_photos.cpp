#include "orrery/scene/gaussians/dataset_photos.h"

#include <algorithm>

namespace orrery::scene {

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
