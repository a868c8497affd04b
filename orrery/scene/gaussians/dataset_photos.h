// A split of a data set as photos to learn from.
#pragma once

#include <vector>

#include "orrery/scene/data/dataset.h"
#include "orrery/scene/data/picture_cache.h"
#include "orrery/scene/gaussians/photos.h"

namespace orrery::scene {

/// Both outlive it.
class DatasetPhotos final : public Photos {
 public:
  DatasetPhotos(const Dataset& dataset, Split split, PictureCache& cache);

  size_t size() const override { return frames_.size(); }
  const View& view(size_t index) const override { return frame(index).view; }
  const Frame& frame(size_t index) const { return dataset_.frames[frames_[index]]; }
  void load(size_t index, const std::array<float, 3>& background, Photo& photo) override;
  std::span<const KnownDepth> depths(size_t index) const override { return depths_[index]; }
  void will_need(std::span<const size_t> indices) override;

 private:
  const Dataset& dataset_;
  const std::vector<size_t> frames_;
  std::vector<std::vector<KnownDepth>> depths_;  // by the poses as they are given, which the points go with
  PictureCache& cache_;
};

}  // namespace orrery::scene
