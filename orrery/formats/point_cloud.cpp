#include "orrery/formats/point_cloud.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/ply.h"

namespace orrery::formats {
namespace {

/// The first of these names that the vertices have.
const PlyFile::Property* find(const PlyFile::Element& vertices, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (const PlyFile::Property* property = vertices.find(name)) return property;
  return nullptr;
}

uint8_t byte_of(float value, DType type) {
  if (!std::isfinite(value)) return 0;
  const bool real = type == DType::kF32 || type == DType::kF64;
  return static_cast<uint8_t>(std::clamp(std::round(real ? value * 255 : value), 0.f, 255.f));
}

}  // namespace

PointCloud parse_point_cloud(std::span<const std::byte> bytes, const std::string& name) {
  const ByteReader reader(bytes, "read a point cloud", name);
  const PlyFile file = PlyFile::parse(bytes, name);
  const PlyFile::Element* vertices = file.find("vertex");
  if (vertices == nullptr) reader.fail("header", "no element \"vertex\" before the first list", "one");
  const PlyFile::Property* const axes[] = {vertices->find("x"), vertices->find("y"), vertices->find("z")};
  if (std::ranges::count(axes, nullptr) > 0) reader.fail("vertex", "no x, y or z", "all three");

  PointCloud cloud;
  cloud.positions.resize(vertices->count);
  cloud.colours.assign(vertices->count, {128, 128, 128});
  std::vector<float> values(3 * vertices->count);
  file.read(*vertices, axes, 0, values);
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]))
      reader.fail(fmt::format("vertex {}", i / 3), "a coordinate that is not finite", "finite ones");
    cloud.positions[i / 3][i % 3] = values[i];
  }
  const PlyFile::Property* const channels[] = {find(*vertices, {"red", "r", "diffuse_red"}),
                                               find(*vertices, {"green", "g", "diffuse_green"}),
                                               find(*vertices, {"blue", "b", "diffuse_blue"})};
  for (size_t channel = 0; channel < 3; ++channel) {
    if (channels[channel] == nullptr) continue;
    values.resize(vertices->count);
    file.read(*vertices, std::span(&channels[channel], 1), 0, values);
    for (size_t i = 0; i < values.size(); ++i) cloud.colours[i][channel] = byte_of(values[i], channels[channel]->type);
  }
  return cloud;
}

PointCloud read_point_cloud(const std::filesystem::path& path) {
  return parse_point_cloud(MappedFile::open(path).bytes(), path.string());
}

}  // namespace orrery::formats
