// Points with colours from a PLY file (Turk 1994), such as the first points beside a scene's pictures.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace orrery::formats {

struct PointCloud {
  std::vector<std::array<float, 3>> positions;
  std::vector<std::array<uint8_t, 3>> colours;  ///< as many; grey (128) where the file has none
};

/// Reads the element "vertex": x, y, z of any number type; red, green, blue (or r, g, b, or diffuse_red, …) as bytes,
/// wider whole numbers or reals of 0 to 1; other properties and later elements are passed over. ASCII, little- and
/// big-endian. Throws Error naming the file and what is wrong: no PLY, lists in the vertices or before them, fewer
/// vertices than it says, coordinates that are not finite.
PointCloud read_point_cloud(const std::filesystem::path& path);
PointCloud parse_point_cloud(std::span<const std::byte> bytes, const std::string& name);

}  // namespace orrery::formats
