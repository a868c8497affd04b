// What the checks want to know of each picture, gathered in one pass.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <string>
#include <vector>

#include "orrery/base/progress.h"
#include "orrery/scene/data/raw_scene.h"
#include "orrery/scene/pictures/picture.h"

namespace orrery::scene {

/// Bits of a 17 × 16 thumbnail: is each pixel brighter than its right neighbour? (Krawetz 2013, dHash.) Two pictures of
/// one scene from places apart differ in dozens.
using PictureHash = std::bitset<256>;

struct PictureFacts {
  bool missing = false;
  std::string problem;  ///< why it, or its mask, could not be read; empty where it could
  int width = 0, height = 0;
  uint64_t digest = 0;  ///< FNV-1a of the pixels
  PictureHash hash;
  double exposure = 0;  ///< log2 of the mean brightness of what is opaque, of 0 to 1 and linear light
  double contrast = 0;  ///< standard deviation of the thumbnail's greys, of 0 to 255
};

PictureFacts facts_of(const Picture& picture);

/// Of each frame, in their order.
std::vector<PictureFacts> survey(const RawScene& scene, ProgressStyle progress);

}  // namespace orrery::scene
