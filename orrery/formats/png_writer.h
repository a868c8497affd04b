// PNG files of pictures that we made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace orrery::formats {

/// Writes [height, width, 3] of 0…255, wholly or not at all. Throws Error naming the path.
void write_png(const std::filesystem::path& path, int width, int height, std::span<const uint8_t> rgb);

/// The same of 0…1, which is rounded and clamped.
void write_png(const std::filesystem::path& path, int width, int height, std::span<const float> rgb);

}  // namespace orrery::formats
