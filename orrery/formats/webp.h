// WebP pictures as tables of bytes: four channels that mean what a format says, by libwebp. Photos are image.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace orrery::formats {

struct RgbaTable {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> bytes;  ///< [height, width, 4]
};

/// Throws Error naming the file when it is no still WebP, damaged, or has more pixels than `max_pixels`.
RgbaTable decode_webp_table(std::span<const std::byte> bytes, const std::string& name, int64_t max_pixels);

/// Lossless, every byte kept (where alpha is 0, too). Throws Error where a side is above 16383.
std::vector<std::byte> encode_webp_table(const RgbaTable& table);

}  // namespace orrery::formats
