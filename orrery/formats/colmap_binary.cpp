// Little-endian, packed: counts in 64 bits, then the entries. Names end with a zero byte.
#include <fmt/format.h>

#include "orrery/formats/bytes.h"
#include "orrery/formats/colmap_forms.h"

namespace orrery::formats {
namespace {

constexpr uint64_t kCameraBytes = 4 + 4 + 8 + 8 + 2 * 8, kImageBytes = 4 + 7 * 8 + 4 + 1 + 8,
                   kPointBytes = 8 + 3 * 8 + 3 + 8 + 8, kObservationBytes = 2 * 8 + 8, kTrackElementBytes = 4 + 4;

/// How many entries follow, each at least `bytes` long.
uint64_t read_count(ByteReader& reader, uint64_t bytes, const std::string& field) {
  const auto count = reader.read<uint64_t>(field);
  reader.need_count(count, bytes, field);
  return count;
}

template <size_t n>
void read_numbers(ByteReader& reader, std::array<double, n>& numbers, const std::string& field) {
  for (double& number : numbers) number = reader.read<double>(field);
}

std::string read_name(ByteReader& reader, const std::string& field) {
  const auto rest = reader.bytes().subspan(reader.position());
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
  const size_t end = text.find('\0');
  if (end == text.npos) reader.fail(field, "no end of the name", "a zero byte behind it");
  const std::string name(reader.take_text(end, field));
  reader.read<uint8_t>(field);
  return name;
}

const CameraModelInfo& read_model(ByteReader& reader, const std::string& field) {
  const auto number = reader.read<int32_t>(field);
  for (const CameraModelInfo& info : camera_models())
    if (static_cast<int32_t>(info.model) == number) return info;
  reader.fail(field, fmt::format("camera model {}", number), fmt::format("0 to {}", camera_models().size() - 1));
}

void need_end(const ByteReader& reader) {
  if (reader.remaining() > 0)
    reader.fail("end", fmt::format("{} bytes more", reader.remaining()), fmt::format("{} in all", reader.position()));
}

template <class T>
void append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <size_t n>
void append(std::string& bytes, const std::array<double, n>& values) {
  for (const double value : values) append(bytes, value);
}

}  // namespace

std::vector<ColmapCamera> parse_binary_cameras(std::span<const std::byte> bytes, const std::string& name) {
  ByteReader reader(bytes, kReadingColmap, name);
  std::vector<ColmapCamera> cameras(read_count(reader, kCameraBytes, "number of cameras"));
  for (size_t i = 0; i < cameras.size(); ++i) {
    const std::string field = fmt::format("camera {} of {}", i + 1, cameras.size());
    ColmapCamera& camera = cameras[i];
    camera.id = reader.read<uint32_t>(field);
    const CameraModelInfo& info = read_model(reader, field);
    camera.model = info.model;
    camera.width = reader.read<int64_t>(field);
    camera.height = reader.read<int64_t>(field);
    camera.parameters.resize(info.parameters.size());
    for (double& parameter : camera.parameters) parameter = reader.read<double>(field);
  }
  need_end(reader);
  return cameras;
}

std::vector<ColmapImage> parse_binary_images(std::span<const std::byte> bytes, const std::string& name,
                                             const ColmapOptions& options) {
  ByteReader reader(bytes, kReadingColmap, name);
  std::vector<ColmapImage> images(read_count(reader, kImageBytes, "number of images"));
  for (size_t i = 0; i < images.size(); ++i) {
    const std::string field = fmt::format("image {} of {}", i + 1, images.size());
    ColmapImage& image = images[i];
    image.id = reader.read<uint32_t>(field);
    read_numbers(reader, image.rotation, field);
    read_numbers(reader, image.translation, field);
    image.camera_id = reader.read<uint32_t>(field);
    image.name = read_name(reader, field);
    const uint64_t observations = read_count(reader, kObservationBytes, field);
    if (!options.observations) {
      reader.take(observations * kObservationBytes, field);
      continue;
    }
    image.observations.resize(observations);
    for (ColmapObservation& observation : image.observations) {
      observation.x = reader.read<double>(field);
      observation.y = reader.read<double>(field);
      observation.point_id = reader.read<uint64_t>(field);
    }
  }
  need_end(reader);
  return images;
}

std::vector<ColmapPoint> parse_binary_points(std::span<const std::byte> bytes, const std::string& name,
                                             const ColmapOptions& options) {
  ByteReader reader(bytes, kReadingColmap, name);
  std::vector<ColmapPoint> points(read_count(reader, kPointBytes, "number of points"));
  const std::string field = "points";  // a name for each would take longer than the reading
  for (ColmapPoint& point : points) {
    point.id = reader.read<uint64_t>(field);
    read_numbers(reader, point.position, field);
    for (uint8_t& channel : point.colour) channel = reader.read<uint8_t>(field);
    point.error = reader.read<double>(field);
    const uint64_t track = read_count(reader, kTrackElementBytes, field);
    if (!options.observations) {
      reader.take(track * kTrackElementBytes, field);
      continue;
    }
    point.track.resize(track);
    for (ColmapTrackElement& element : point.track) {
      element.image_id = reader.read<uint32_t>(field);
      element.observation = reader.read<uint32_t>(field);
    }
  }
  need_end(reader);
  return points;
}

void write_binary(const std::vector<ColmapCamera>& cameras, AtomicFile& file) {
  std::string bytes;
  append(bytes, uint64_t{cameras.size()});
  for (const ColmapCamera& camera : cameras) {
    append(bytes, camera.id);
    append(bytes, static_cast<int32_t>(camera.model));
    append(bytes, camera.width);
    append(bytes, camera.height);
    for (const double parameter : camera.parameters) append(bytes, parameter);
  }
  file.write(bytes);
}

void write_binary(const std::vector<ColmapImage>& images, AtomicFile& file) {
  std::string bytes;
  append(bytes, uint64_t{images.size()});
  for (const ColmapImage& image : images) {
    append(bytes, image.id);
    append(bytes, image.rotation);
    append(bytes, image.translation);
    append(bytes, image.camera_id);
    bytes += image.name;
    bytes += '\0';
    append(bytes, uint64_t{image.observations.size()});
    for (const ColmapObservation& observation : image.observations) {
      append(bytes, observation.x);
      append(bytes, observation.y);
      append(bytes, observation.point_id);
    }
    file.write(bytes);
    bytes.clear();
  }
  file.write(bytes);
}

void write_binary(const std::vector<ColmapPoint>& points, AtomicFile& file) {
  std::string bytes;
  append(bytes, uint64_t{points.size()});
  for (const ColmapPoint& point : points) {
    append(bytes, point.id);
    append(bytes, point.position);
    for (const uint8_t channel : point.colour) append(bytes, channel);
    append(bytes, point.error);
    append(bytes, uint64_t{point.track.size()});
    for (const ColmapTrackElement& element : point.track) {
      append(bytes, element.image_id);
      append(bytes, element.observation);
    }
  }
  file.write(bytes);
}

}  // namespace orrery::formats
