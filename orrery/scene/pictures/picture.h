// A scene's pictures in memory: 8 bits a channel, as their files have them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "orrery/base/thread_pool.h"

namespace orrery::scene {

/// Rows from the top. Colours are not multiplied by alpha.
struct Picture {
  int width = 0, height = 0;
  int channels = 3;             ///< 3, or 4 with alpha
  std::vector<uint8_t> pixels;  ///< [height, width, channels]
  /// [height, width]: 255 where the pixel counts, 0 where it does not, between where it counts in part; empty where all
  /// count.
  std::vector<uint8_t> mask;

  int64_t bytes() const { return static_cast<int64_t>(pixels.size() + mask.size()); }
};

/// Decodes a picture, and its mask where a path to one is given: dark there is what does not count. The picture stays
/// as its sensor lay, whatever EXIF says, since COLMAP's and others' poses are of that. Throws Error naming the file,
/// or the mask whose size is another.
Picture read_picture(const std::filesystem::path& path, const std::filesystem::path& mask = {});

/// The picture over a background as [height, width, 3] of 0 to 1: colour·alpha + background·(1 - alpha).
void composite(const Picture& picture, const std::array<float, 3>& background, std::span<float> out);

}  // namespace orrery::scene
