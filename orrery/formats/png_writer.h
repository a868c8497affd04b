// PNG files of pictures that we made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace orrery::formats {

/// Writes [height, width, 3] of 0…255, wholly or not at all. Throws Error naming the path.
void write_png(const std::filesystem::path& path, int width, int height, std::span<const uint8_t> rgb);

/// The same of 0…1, which is rounded and clamped.
void write_png(const std::filesystem::path& path, int width, int height, std::span<const float> rgb);

/// What stands in a picture's file beside the pixels (a tEXt chunk).
struct PngText {
  std::string keyword;  ///< Latin-1, 1 to 79 bytes
  std::string text;     ///< Latin-1
};

/// Writes [height, width] of 0 (black) … 65535 (white), with 16 bits a pixel, wholly or not at all. Throws Error naming
/// the path.
void write_png(const std::filesystem::path& path, int width, int height, std::span<const uint16_t> grey,
               const PngText& text);

}  // namespace orrery::formats
