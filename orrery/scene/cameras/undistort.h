// Pictures of any lens as a pinhole camera would have taken them, or an equidistant fisheye.
#pragma once

#include "orrery/base/thread_pool.h"
#include "orrery/scene/cameras/lens.h"
#include "orrery/scene/pictures/picture.h"

namespace orrery::scene {

struct UndistortOptions {
  /// A pinhole picture's rectangle: 0, the largest in which every pixel has a source; 1, the smallest that holds every
  /// pixel of the source; between, between.
  double keep = 0;
  /// Degrees from the axis. What a lens sees within becomes a pinhole picture; what sees further becomes a fisheye
  /// picture, since a pinhole's would be mostly stretched borders: at 65° a pixel covers 5.6 times the area.
  double widest_pinhole = 65;
};

/// How a camera's pictures are undistorted, and what is lost by it at the borders.
struct Undistortion {
  View view;         ///< standing at the origin; its centre resolves what the source's did
  double lost = 0;   ///< share of the source's pixels that have no place in the new picture, on a grid of 200 × 200
  double empty = 0;  ///< share of the new picture's pixels without a source: undistorted() masks them
};

/// Throws Error naming the camera that sees nothing of its own picture.
Undistortion plan_undistortion(const formats::ColmapCamera& camera, const UndistortOptions& options);

/// The picture through `lens` as `view` (whose pose does not matter) sees it, bilinear, colours weighted by alpha. The
/// mask is carried along and is 0 where there is no source. Each pixel costs one projection; the result does not depend
/// on the number of threads.
Picture undistorted(const Picture& picture, const Lens& lens, const View& view, ThreadPool& pool);

/// The camera of the same picture at another size.
formats::ColmapCamera at_size(const formats::ColmapCamera& camera, int64_t width, int64_t height);
View at_size(const View& view, int width, int height);

}  // namespace orrery::scene
