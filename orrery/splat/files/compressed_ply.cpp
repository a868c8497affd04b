#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "orrery/base/file.h"
#include "orrery/formats/ply.h"
#include "orrery/splat/activation.h"
#include "orrery/splat/files/codecs.h"
#include "orrery/splat/morton.h"
#include "orrery/splat/smallest_three.h"

namespace orrery::splat {
namespace {

using formats::PlyFile;

constexpr int64_t kChunk = 256;
constexpr const char* kChunkColumns[] = {
    "min_x",       "min_y",       "min_z",       "max_x", "max_y", "max_z", "min_scale_x", "min_scale_y", "min_scale_z",
    "max_scale_x", "max_scale_y", "max_scale_z", "min_r", "min_g", "min_b", "max_r",       "max_g",       "max_b"};
constexpr const char* kVertexColumns[] = {"packed_position", "packed_rotation", "packed_scale", "packed_color"};
constexpr double kPackedShRange = 8;  // harmonics from -4 to 4

/// What the packed numbers of a chunk are fractions of, each [min xyz, max xyz]. Early files keep no range of colours.
struct Ranges {
  float position[6], log_scale[6], colour[6] = {0, 0, 0, 1, 1, 1};
};

/// The four numbers of a Gaussian: 11-10-11 bits, 2-10-10-10, 11-10-11, 8-8-8-8, first in the upper bits.
struct Packed {
  uint32_t position, rotation, log_scale, colour;
};

double unit(uint32_t packed, int shift, int bits) {
  const uint32_t most = (1u << bits) - 1;
  return static_cast<double>(packed >> shift & most) / most;
}

float between(const float* range, int axis, double t) {
  return static_cast<float>(range[axis] * (1 - t) + range[3 + axis] * t);
}

double fraction(const float* range, int axis, double value) {
  const double extent = double{range[3 + axis]} - range[axis];
  return extent > 0 ? (value - range[axis]) / extent : 0;
}

void unpack(const Packed& packed, const Ranges& ranges, int64_t n, Scene& scene) {
  constexpr int kShift[] = {21, 11, 0}, kBits[] = {11, 10, 11};
  for (int axis = 0; axis < 3; ++axis) {
    scene.means[3 * n + axis] = between(ranges.position, axis, unit(packed.position, kShift[axis], kBits[axis]));
    scene.log_scales[3 * n + axis] = between(ranges.log_scale, axis, unit(packed.log_scale, kShift[axis], kBits[axis]));
    scene.sh[3 * n * scene.coefficients() + axis] =
        sh0_from_colour(between(ranges.colour, axis, unit(packed.colour, 24 - 8 * axis, 8)));
  }
  scene.opacity_logits[n] = logit_from_opacity(unit(packed.colour, 0, 8));
  SmallestThree rotation{.largest = packed.rotation >> 30};
  for (int i = 0; i < 3; ++i)
    rotation.rest[static_cast<size_t>(i)] = (unit(packed.rotation, 20 - 10 * i, 10) - 0.5) * std::sqrt(2.0);
  const std::array<double, 4> quat = quaternion_from(rotation);
  for (size_t i = 0; i < 4; ++i) scene.quats[4 * n + static_cast<int64_t>(i)] = static_cast<float>(quat[i]);
}

std::vector<const PlyFile::Property*> columns_of(const PlyFile::Element& element, std::span<const char* const> names,
                                                 DType type, const formats::ByteReader& reader) {
  std::vector<const PlyFile::Property*> columns;
  for (const char* name : names) {
    columns.push_back(element.find(name));
    if (columns.back() == nullptr || columns.back()->type != type)
      reader.fail("element " + element.name, fmt::format("no property {} of that type", name),
                  fmt::format("one of type {}", orrery::name(type)));
  }
  return columns;
}

const PlyFile::Element& element_of(const PlyFile& file, const char* name, uint64_t count,
                                   const formats::ByteReader& reader) {
  const PlyFile::Element* element = file.find(name);
  if (element == nullptr || element->count != count)
    reader.fail(fmt::format("element {}", name), element == nullptr ? "none" : fmt::format("{} rows", element->count),
                fmt::format("{} rows", count));
  return *element;
}

int degree_of(const PlyFile& file, const formats::ByteReader& reader) {
  const PlyFile::Element* sh = file.find("sh");
  if (sh == nullptr) return 0;
  for (int degree = 1; degree <= kMaxShDegree; ++degree)
    if (sh->properties.size() == static_cast<size_t>(3 * (sh_coefficients(degree) - 1))) return degree;
  reader.fail("element sh", fmt::format("{} properties", sh->properties.size()), "9, 24 or 45");
}

void read_harmonics(const PlyFile& file, const formats::ByteReader& reader, Scene& scene) {
  const PlyFile::Element& element = element_of(file, "sh", static_cast<uint64_t>(scene.count()), reader);
  const int above = scene.coefficients() - 1;
  std::vector<std::string> names;
  std::vector<const char*> pointers;
  for (int i = 0; i < 3 * above; ++i) names.push_back(fmt::format("f_rest_{}", i));
  for (const std::string& name : names) pointers.push_back(name.c_str());
  const auto columns = columns_of(element, pointers, DType::kU8, reader);
  std::vector<uint32_t> row(columns.size());
  for (int64_t n = 0; n < scene.count(); ++n) {
    file.read(element, columns, static_cast<uint64_t>(n), row);
    for (int i = 0; i < 3 * above; ++i) {
      const uint32_t byte = row[static_cast<size_t>(i)];
      const double fraction = byte == 0 ? 0 : byte == 255 ? 1 : (byte + 0.5) / 256;
      scene.sh[3 * (n * scene.coefficients() + 1 + i % above) + i / above] =
          static_cast<float>((fraction - 0.5) * kPackedShRange);
    }
  }
}

// The smallest and largest of those numbers that are finite, within limits.
void find_range(std::span<const double> values, double least, double most, int axis, float* range) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  range[axis] = low > high ? 0 : static_cast<float>(std::clamp(low, least, most));
  range[3 + axis] = low > high ? 0 : static_cast<float>(std::clamp(high, least, most));
}

Ranges ranges_of(const Scene& scene, std::span<const int64_t> chunk) {
  constexpr double kLargest = std::numeric_limits<float>::max(), kScaleLimit = 20;  // flat Gaussians reach -infinity
  Ranges ranges;
  std::vector<double> values(chunk.size());
  const auto fill = [&](const auto& value) { std::ranges::transform(chunk, values.begin(), value); };
  for (int axis = 0; axis < 3; ++axis) {
    fill([&](int64_t n) { return double{scene.means[3 * n + axis]}; });
    find_range(values, -kLargest, kLargest, axis, ranges.position);
    fill([&](int64_t n) { return double{scene.log_scales[3 * n + axis]}; });
    find_range(values, -kScaleLimit, kScaleLimit, axis, ranges.log_scale);
    fill([&](int64_t n) { return colour_from_sh0(scene.sh[3 * n * scene.coefficients() + axis]); });
    find_range(values, -kLargest, kLargest, axis, ranges.colour);
  }
  return ranges;
}

Packed pack(const Scene& scene, int64_t n, const Ranges& ranges) {
  const auto pack_three = [&](const float* range, const float* values) {
    return to_level(2047 * fraction(range, 0, values[0]), 2047) << 21 |
           to_level(1023 * fraction(range, 1, values[1]), 1023) << 11 |
           to_level(2047 * fraction(range, 2, values[2]), 2047);
  };
  Packed packed{};
  packed.position = pack_three(ranges.position, scene.means.data() + 3 * n);
  packed.log_scale = pack_three(ranges.log_scale, scene.log_scales.data() + 3 * n);
  const SmallestThree rotation = smallest_three(unit_quaternion(scene.quats.data() + 4 * n));
  packed.rotation = static_cast<uint32_t>(rotation.largest);
  for (const double component : rotation.rest)
    packed.rotation = packed.rotation << 10 | to_level(1023 * (component / std::sqrt(2.0) + 0.5), 1023);
  for (int channel = 0; channel < 3; ++channel) {
    const double colour = colour_from_sh0(scene.sh[3 * n * scene.coefficients() + channel]);
    packed.colour = packed.colour << 8 | to_level(255 * fraction(ranges.colour, channel, colour), 255);
  }
  packed.colour = packed.colour << 8 | to_byte(255 * opacity_from_logit(scene.opacity_logits[n]));
  return packed;
}

std::string packed_header(const Scene& scene, int64_t chunks) {
  std::string text = "ply\nformat binary_little_endian 1.0\n" + antialiased_comment(scene.antialiased) +
                     fmt::format("element chunk {}\n", chunks);
  for (const char* name : kChunkColumns) text += fmt::format("property float {}\n", name);
  text += fmt::format("element vertex {}\n", scene.count());
  for (const char* name : kVertexColumns) text += fmt::format("property uint {}\n", name);
  if (scene.sh_degree > 0) text += fmt::format("element sh {}\n", scene.count());
  for (int i = 0; i < 3 * (scene.coefficients() - 1); ++i) text += fmt::format("property uchar f_rest_{}\n", i);
  return text + "end_header\n";
}

std::vector<uint8_t> harmonics_of(const Scene& scene, std::span<const int64_t> order) {
  std::vector<uint8_t> bytes;
  const int64_t coefficients = scene.coefficients();
  bytes.reserve(order.size() * static_cast<size_t>(3 * (coefficients - 1)));
  for (const int64_t n : order)
    for (int channel = 0; channel < 3; ++channel)
      for (int64_t k = 1; k < coefficients; ++k) {
        const double fraction = scene.sh[3 * (n * coefficients + k) + channel] / kPackedShRange + 0.5;
        bytes.push_back(fraction > 0 ? static_cast<uint8_t>(std::min(fraction * 256, 255.0)) : 0);
      }
  return bytes;
}

}  // namespace

bool is_compressed_ply(Bytes bytes) {
  constexpr size_t kLooked = 16384;  // 45 harmonics take 1 KB of header
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLooked));
  return PlyFile::is_ply(bytes) &&
         text.substr(0, text.find("end_header")).find("uint packed_position") != std::string_view::npos;
}

Scene read_compressed_ply(Bytes bytes, const std::filesystem::path& path) {
  const formats::ByteReader reader(bytes, "read a compressed Gaussian scene", path.string());
  const PlyFile file = PlyFile::parse(bytes, path.string());
  const PlyFile::Element* vertex = file.find("vertex");
  if (vertex == nullptr) reader.fail("header", "no element vertex", "one");
  check_count(vertex->count, bytes.size(), path);
  const PlyFile::Element& chunk = element_of(file, "chunk", (vertex->count + kChunk - 1) / kChunk, reader);
  const bool has_colours = chunk.find("min_r") != nullptr;
  const auto chunk_columns =
      columns_of(chunk, std::span(kChunkColumns).first(has_colours ? 18 : 12), DType::kF32, reader);
  const auto vertex_columns = columns_of(*vertex, kVertexColumns, DType::kU32, reader);

  Scene scene = Scene::zeros(static_cast<int64_t>(vertex->count), degree_of(file, reader));
  scene.antialiased = antialiased_by(file.comments());
  Ranges ranges;
  Packed packed;
  for (int64_t n = 0; n < scene.count(); ++n) {
    if (n % kChunk == 0)
      file.read(chunk, chunk_columns, static_cast<uint64_t>(n / kChunk),
                std::span(ranges.position, chunk_columns.size()));
    file.read(*vertex, vertex_columns, static_cast<uint64_t>(n), std::span(&packed.position, 4));
    unpack(packed, ranges, n, scene);
  }
  if (scene.sh_degree > 0) read_harmonics(file, reader, scene);
  return scene;
}

std::vector<int64_t> write_compressed_ply(const Scene& scene, const std::filesystem::path& path, const SaveOptions&) {
  std::vector<int64_t> order = morton_order(scene);
  std::vector<Ranges> chunks;
  std::vector<Packed> rows;
  rows.reserve(order.size());
  for (size_t first = 0; first < order.size(); first += kChunk) {
    const auto chunk = std::span(order).subspan(first, std::min<size_t>(kChunk, order.size() - first));
    chunks.push_back(ranges_of(scene, chunk));
    for (const int64_t n : chunk) rows.push_back(pack(scene, n, chunks.back()));
  }
  const std::vector<uint8_t> harmonics = harmonics_of(scene, order);
  AtomicFile file(path);
  file.write(packed_header(scene, static_cast<int64_t>(chunks.size())));
  file.write(chunks.data(), chunks.size() * sizeof(Ranges));
  file.write(rows.data(), rows.size() * sizeof(Packed));
  file.write(harmonics.data(), harmonics.size());
  file.commit();
  return order;
}

}  // namespace orrery::splat
