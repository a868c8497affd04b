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

class Photos {
 public:
  virtual ~Photos() = default;
  virtual size_t size() const = 0;
  virtual const View& view(size_t index) const = 0;
  /// Those that will be loaded next, in that order.
  virtual void will_need(std::span<const size_t>) {}
  /// What is transparent shows the background.
  virtual void load(size_t index, const std::array<float, 3>& background, Photo& photo) = 0;
};

}  // namespace orrery::scene
