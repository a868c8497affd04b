// What Gaussians learn from: pictures with the views that they were taken from.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "orrery/base/camera.h"

namespace orrery::scene {

struct Photo {
  std::vector<float> rgb;   ///< [height, width, 3], 0…1
  std::vector<float> mask;  ///< [height, width] weights 0…1; empty: 1
};

/// A point that a photo saw: the pixel that shows it, and how far it is along the camera's axis.
struct KnownDepth {
  size_t pixel = 0;
  float z = 0;
};

class Photos {
 public:
  virtual ~Photos() = default;
  virtual size_t size() const = 0;
  virtual const View& view(size_t index) const = 0;
  /// Of points that it saw, where that is known.
  virtual std::span<const KnownDepth> depths(size_t) const { return {}; }
  /// Those that will be loaded next, in that order.
  virtual void will_need(std::span<const size_t>) {}
  /// What is transparent shows the background.
  virtual void load(size_t index, const std::array<float, 3>& background, Photo& photo) = 0;
};

}  // namespace orrery::scene
