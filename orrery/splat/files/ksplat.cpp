// Facts: mkkellogg/GaussianSplats3D, src/loaders/SplatBuffer.js. A header of 4096 bytes, one of 1024 for each section,
// and the sections: lengths of the buckets that are not full, the buckets' centres, the Gaussians bucket after bucket.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/kernels/convert/convert.h"
#include "orrery/splat/activation.h"
#include "orrery/splat/files/codecs.h"

namespace orrery::splat {
namespace {

constexpr uint64_t kFileHeaderBytes = 4096, kSectionHeaderBytes = 1024, kCentreBytes = 12;
constexpr int kMaxLevel = 2;
constexpr uint32_t kMaxSections = 4096, kBucketSize = 256, kRange = 32767;
constexpr float kShRange = 1.5f;       // of level 2's bytes where a header names none
constexpr float kBlockSide = 5.0f;     // of a bucket's cube, world units
constexpr float kSmallest = 0x1p-24f;  // scale of a flat Gaussian: what 16 bits can hold
constexpr int kHarmonicsWritten = 2;   // its viewer knows no third degree

/// Bytes of one Gaussian: centre, scale and rotation, a colour of four bytes, harmonics.
struct Layout {
  explicit Layout(int level, int degree)
      : number(level == 0 ? 4 : 2),
        harmonic(level == 0   ? 4
                 : level == 1 ? 2
                              : 1),
        harmonics(3u * static_cast<uint64_t>(sh_coefficients(degree) - 1)) {}
  uint64_t number, harmonic, harmonics;
  uint64_t bytes() const { return 10 * number + 4 + harmonic * harmonics; }
};

struct Header {
  int level = 0;
  uint32_t sections = 0, count = 0;
  float sh_min = -kShRange, sh_max = kShRange;
};

struct Section {
  uint32_t count = 0, room = 0;  ///< Gaussians there, and for how many there is space
  uint32_t bucket_size = 0, buckets = 0, full_buckets = 0, partial_buckets = 0;
  uint32_t range = kRange;
  float block_side = 0;
  uint16_t centre_bytes = 0;
  int sh_degree = 0;
};

/// Where in the file's order of harmonics ([3, 3], [3, 5], [3, 7]: a degree's channels one after the other) the
/// coefficient k > 0 of a channel stands.
int harmonic_place(int k, int channel) {
  const int degree = k < 4 ? 1 : k < 9 ? 2 : 3, first = degree * degree;
  return 3 * (first - 1) + channel * (2 * degree + 1) + k - first;
}

Header read_header(formats::ByteReader& reader) {
  Header header;
  const auto major = reader.read<uint8_t>("version"), minor = reader.read<uint8_t>("version");
  if (major != 0 || minor < 1) reader.fail("version", fmt::format("{}.{}", major, minor), "0.1");
  reader.seek(4, "header");
  header.sections = reader.read<uint32_t>("sections");
  reader.seek(12, "header");
  header.count = reader.read<uint32_t>("count");  // the largest it was made for, as its viewer reads a whole file
  reader.seek(20, "header");
  header.level = reader.read<uint16_t>("compression level");
  if (header.level > kMaxLevel)
    reader.fail("compression level", std::to_string(header.level), fmt::format("0 to {}", kMaxLevel));
  if (header.sections == 0 || header.sections > kMaxSections)
    reader.fail("sections", std::to_string(header.sections), fmt::format("1 to {}", kMaxSections));
  reader.seek(36, "header");
  const auto low = reader.read<float>("harmonics' range"), high = reader.read<float>("harmonics' range");
  if (low != 0) header.sh_min = low;
  if (high != 0) header.sh_max = high;
  return header;
}

Section read_section(formats::ByteReader reader, uint32_t number, int level) {
  const std::string field = fmt::format("section {}", number);
  reader.seek(kFileHeaderBytes + number * kSectionHeaderBytes, field);
  formats::ByteReader fields = reader.part(reader.take(kSectionHeaderBytes, field));
  Section section;
  section.count = fields.read<uint32_t>(field);
  section.room = fields.read<uint32_t>(field);
  section.bucket_size = fields.read<uint32_t>(field);
  section.buckets = fields.read<uint32_t>(field);
  section.block_side = fields.read<float>(field);
  section.centre_bytes = fields.read<uint16_t>(field);
  fields.seek(24, field);
  if (const auto range = fields.read<uint32_t>(field); range != 0) section.range = range;
  fields.seek(32, field);
  section.full_buckets = fields.read<uint32_t>(field);
  section.partial_buckets = fields.read<uint32_t>(field);
  section.sh_degree = fields.read<uint16_t>(field);
  if (section.sh_degree > kMaxShDegree)
    reader.fail(field + ", SH degree", std::to_string(section.sh_degree), fmt::format("0 to {}", kMaxShDegree));
  if (section.count > section.room)
    reader.fail(field, fmt::format("{} Gaussians", section.count), fmt::format("at most {}", section.room));
  if (level > 0 && (section.centre_bytes < kCentreBytes || section.buckets == 0))
    reader.fail(field, fmt::format("{} buckets of {} bytes", section.buckets, section.centre_bytes),
                fmt::format("one at least, of {} bytes", kCentreBytes));
  if (uint64_t{section.full_buckets} + section.partial_buckets > section.buckets)
    reader.fail(field, fmt::format("{} full and {} other buckets", section.full_buckets, section.partial_buckets),
                fmt::format("{} in all", section.buckets));
  return section;
}

/// One section's bytes, and which bucket each Gaussian lies in.
class SectionReader {
 public:
  SectionReader(formats::ByteReader& reader, const Header& header, const Section& section, uint32_t number)
      : header_(header), section_(section), layout_(header.level, section.sh_degree) {
    const std::string field = fmt::format("section {}", number);
    reader.need_count(section.partial_buckets, 4, field);
    lengths_ = reader.take(uint64_t{section.partial_buckets} * 4, field);
    reader.need_count(section.buckets, std::max<uint64_t>(section.centre_bytes, 1), field);
    centres_ = reader.take(uint64_t{section.buckets} * section.centre_bytes, field);
    reader.need_count(section.room, layout_.bytes(), field);
    rows_ = reader.take(section.room * layout_.bytes(), field);
    if (header.level > 0) find_buckets(reader, field);
  }

  void unpack(int64_t first, Scene& scene) const {
    const int coefficients = scene.coefficients();
    for (uint32_t i = 0; i < section_.count; ++i) {
      const std::byte* row = rows_.data() + i * layout_.bytes();
      const int64_t n = first + i;
      unpack_centre(row, i, scene.means.data() + 3 * n);
      for (uint64_t axis = 0; axis < 3; ++axis) scene.log_scales[3 * n + axis] = log_from_scale(number(row, 3 + axis));
      for (uint64_t part = 0; part < 4; ++part) scene.quats[4 * n + part] = number(row, 6 + part);
      const std::byte* colour = row + 10 * layout_.number;
      for (int channel = 0; channel < 3; ++channel)
        scene.sh[3 * n * coefficients + channel] = sh0_from_colour(std::to_integer<int>(colour[channel]) / 255.0);
      scene.opacity_logits[n] = logit_from_opacity(std::to_integer<int>(colour[3]) / 255.0);
      for (int k = 1; k < sh_coefficients(section_.sh_degree); ++k)
        for (int channel = 0; channel < 3; ++channel)
          scene.sh[3 * (n * coefficients + k) + channel] = harmonic(colour + 4, harmonic_place(k, channel));
    }
  }

 private:
  template <class T>
  static T load(const std::byte* data) {
    T value;
    std::memcpy(&value, data, sizeof value);
    return value;
  }

  // The full ones come first; then each has its length said.
  void find_buckets(const formats::ByteReader& reader, const std::string& field) {
    buckets_.reserve(section_.count);
    uint32_t bucket = 0;
    const auto add = [&](uint64_t size) {
      const uint64_t left = section_.count - buckets_.size();
      buckets_.insert(buckets_.end(), std::min(size, left), bucket++);
    };
    for (uint32_t i = 0; i < section_.full_buckets && buckets_.size() < section_.count; ++i) add(section_.bucket_size);
    for (uint32_t i = 0; i < section_.partial_buckets && buckets_.size() < section_.count; ++i)
      add(load<uint32_t>(lengths_.data() + 4 * i));
    if (buckets_.size() < section_.count)
      reader.fail(field, fmt::format("{} Gaussians in its buckets", buckets_.size()), std::to_string(section_.count));
  }

  void unpack_centre(const std::byte* row, uint32_t i, float* mean) const {
    for (uint64_t axis = 0; axis < 3; ++axis) {
      if (header_.level == 0) {
        mean[axis] = number(row, axis);
        continue;
      }
      const auto centre = load<float>(centres_.data() + uint64_t{buckets_[i]} * section_.centre_bytes + 4 * axis);
      const double steps = static_cast<double>(load<uint16_t>(row + 2 * axis)) - section_.range;
      mean[axis] = static_cast<float>(centre + steps * section_.block_side / 2 / section_.range);
    }
  }

  float number(const std::byte* row, uint64_t index) const {
    return header_.level == 0 ? load<float>(row + 4 * index) : kernels::f16_to_f32(load<uint16_t>(row + 2 * index));
  }

  float harmonic(const std::byte* harmonics, int place) const {
    if (header_.level == 0) return load<float>(harmonics + 4 * place);
    if (header_.level == 1) return kernels::f16_to_f32(load<uint16_t>(harmonics + 2 * place));
    return header_.sh_min + std::to_integer<int>(harmonics[place]) / 255.0f * (header_.sh_max - header_.sh_min);
  }

  const Header& header_;
  const Section& section_;
  const Layout layout_;
  Bytes lengths_, centres_, rows_;
  std::vector<uint32_t> buckets_;  // of each Gaussian
};

/// Gaussians of one cube, at most kBucketSize.
struct Bucket {
  std::array<float, 3> centre;
  std::vector<int64_t> rows;
};

// Cubes of a grid that begins at the box's corner. Full buckets first, as the format wants it.
std::vector<Bucket> buckets_of(const Scene& scene, float side, size_t& full) {
  const Box box = bounding_box(scene);
  std::map<std::array<int64_t, 3>, Bucket> open;
  std::vector<Bucket> buckets;
  for (int64_t n = 0; n < scene.count(); ++n) {
    std::array<int64_t, 3> cube;
    std::array<float, 3> centre;
    for (size_t axis = 0; axis < 3; ++axis) {
      constexpr double kFarthest = 1e15;
      const double place = std::floor((scene.means[3 * n + static_cast<int64_t>(axis)] - box.min[axis]) / side);
      cube[axis] = place > 0 ? static_cast<int64_t>(std::min(place, kFarthest)) : 0;
      centre[axis] = static_cast<float>(box.min[axis] + (static_cast<double>(cube[axis]) + 0.5) * side);
    }
    Bucket& bucket = open[cube];
    bucket.centre = centre;
    bucket.rows.push_back(n);
    if (bucket.rows.size() == kBucketSize) buckets.push_back(std::exchange(bucket, {}));
  }
  full = buckets.size();
  for (auto& [cube, bucket] : open)
    if (!bucket.rows.empty()) buckets.push_back(std::move(bucket));
  return buckets;
}

// A scene smaller than the usual cube gets a cube of its own size, and with it finer steps.
float side_for(const Scene& scene) {
  const Box box = bounding_box(scene);
  float extent = 0;
  for (size_t axis = 0; axis < 3; ++axis) extent = std::max(extent, box.max[axis] - box.min[axis]);
  return extent > 0 ? std::min(kBlockSide, extent * 1.001f) : kBlockSide;  // the far corner lies inside
}

template <class... Numbers>
void put(std::string& out, size_t at, Numbers... numbers) {
  ((std::memcpy(out.data() + at, &numbers, sizeof numbers), at += sizeof numbers), ...);
}

template <class T>
void append_number(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// Not 0, which stands for the usual range.
std::pair<float, float> harmonics_range(const Scene& scene) {
  constexpr float kNotZero = 1e-3f;
  float low = -kNotZero, high = kNotZero;
  for (int64_t n = 0; n < scene.count(); ++n) {
    const float* sh = scene.sh.data() + 3 * n * scene.coefficients();
    for (int i = 3; i < 3 * std::min(scene.coefficients(), sh_coefficients(kHarmonicsWritten)); ++i) {
      if (!std::isfinite(sh[i])) continue;
      low = std::min(low, sh[i]);
      high = std::max(high, sh[i]);
    }
  }
  return {low, high};
}

struct Writing {
  const Scene& scene;
  int level, degree;
  float side;
  std::pair<float, float> range;
};

void append_row(const Writing& writing, int64_t n, const std::array<float, 3>& centre, std::string& out) {
  const Scene& scene = writing.scene;
  const auto add = [&](float value) {
    if (writing.level == 0)
      append_number(out, value);
    else
      append_number(out, kernels::f32_to_f16(value));
  };
  for (size_t axis = 0; axis < 3; ++axis) {
    const float mean = scene.means[3 * static_cast<size_t>(n) + axis];
    if (writing.level == 0)
      append_number(out, mean);
    else
      append_number(out, static_cast<uint16_t>(to_level(
                             (mean - double{centre[axis]}) * kRange / (writing.side / 2) + kRange, 2 * kRange + 1)));
  }
  for (int axis = 0; axis < 3; ++axis) add(std::max(std::exp(scene.log_scales[3 * n + axis]), kSmallest));
  for (const double part : unit_quaternion(scene.quats.data() + 4 * n)) add(static_cast<float>(part));
  const float* sh = scene.sh.data() + 3 * n * scene.coefficients();
  for (int channel = 0; channel < 3; ++channel) append_number(out, to_byte(255 * colour_from_sh0(sh[channel])));
  append_number(out, to_byte(255 * opacity_from_logit(scene.opacity_logits[n])));
  float harmonics[3 * (sh_coefficients(kHarmonicsWritten) - 1)];
  const int coefficients = sh_coefficients(writing.degree);
  for (int k = 1; k < coefficients; ++k)
    for (int channel = 0; channel < 3; ++channel) harmonics[harmonic_place(k, channel)] = sh[3 * k + channel];
  const auto [low, high] = writing.range;
  for (int i = 0; i < 3 * (coefficients - 1); ++i) {
    if (writing.level < 2)
      add(harmonics[i]);
    else
      append_number(out, to_byte(255 * (double{harmonics[i]} - low) / (double{high} - low)));
  }
}

std::string headers(const Writing& writing, size_t buckets, size_t full, size_t section_bytes) {
  std::string out(kFileHeaderBytes + kSectionHeaderBytes, '\0');
  const auto count = static_cast<uint32_t>(writing.scene.count());
  const Box box = bounding_box(writing.scene);
  put(out, 0, uint8_t{0}, uint8_t{1});
  put(out, 4, uint32_t{1}, uint32_t{1}, count, count, static_cast<uint16_t>(writing.level));
  for (size_t axis = 0; axis < 3; ++axis) put(out, 24 + 4 * axis, (box.min[axis] + box.max[axis]) / 2);
  put(out, 36, writing.range.first, writing.range.second);
  put(out, kFileHeaderBytes, count, count);
  if (writing.level > 0) {
    put(out, kFileHeaderBytes + 8, kBucketSize, static_cast<uint32_t>(buckets), writing.side,
        static_cast<uint16_t>(kCentreBytes));
    put(out, kFileHeaderBytes + 24, kRange);
    put(out, kFileHeaderBytes + 32, static_cast<uint32_t>(full), static_cast<uint32_t>(buckets - full));
  }
  put(out, kFileHeaderBytes + 28, static_cast<uint32_t>(section_bytes));
  put(out, kFileHeaderBytes + 40, static_cast<uint16_t>(writing.degree));
  return out;
}

}  // namespace

// A version, two bytes of nothing, and a level: no magic, but more than other files have there.
bool is_ksplat(Bytes bytes) {
  if (bytes.size() < kFileHeaderBytes + kSectionHeaderBytes) return false;
  const auto at = [&](size_t i) { return std::to_integer<int>(bytes[i]); };
  return at(0) == 0 && at(1) >= 1 && at(2) == 0 && at(3) == 0 && at(20) <= kMaxLevel && at(21) == 0;
}

Scene read_ksplat(Bytes bytes, const std::filesystem::path& path) {
  formats::ByteReader reader(bytes, "read a ksplat scene", path.string());
  const Header header = read_header(reader);
  reader.seek(kFileHeaderBytes, "header");
  reader.need_count(header.sections, kSectionHeaderBytes, "section headers");
  std::vector<Section> sections;
  uint64_t count = 0;
  int degree = 0;
  for (uint32_t i = 0; i < header.sections; ++i) {
    sections.push_back(read_section(reader, i, header.level));
    count += sections.back().count;
    degree = std::max(degree, sections.back().sh_degree);
  }
  check_count(count, bytes.size(), path);
  reader.seek(kFileHeaderBytes + header.sections * kSectionHeaderBytes, "sections");
  std::vector<SectionReader> readers;
  for (uint32_t i = 0; i < header.sections; ++i) readers.emplace_back(reader, header, sections[i], i);
  Scene scene = Scene::zeros(static_cast<int64_t>(count), degree);
  int64_t first = 0;
  for (uint32_t i = 0; i < header.sections; ++i) {
    readers[i].unpack(first, scene);
    first += sections[i].count;
  }
  return scene;
}

std::vector<int64_t> write_ksplat(const Scene& scene, const std::filesystem::path& path, const SaveOptions& options) {
  if (options.ksplat_level < 0 || options.ksplat_level > kMaxLevel)
    throw Error({.doing = "write a ksplat scene",
                 .where = "ksplat_level",
                 .found = std::to_string(options.ksplat_level),
                 .expected = "0, 1 or 2"});
  const Writing writing{scene, options.ksplat_level, std::min(scene.sh_degree, kHarmonicsWritten), side_for(scene),
                        harmonics_range(scene)};
  size_t full = 0;
  const std::vector<Bucket> buckets = buckets_of(scene, writing.side, full);
  std::string section;
  if (writing.level > 0) {
    for (size_t i = full; i < buckets.size(); ++i)
      append_number(section, static_cast<uint32_t>(buckets[i].rows.size()));
    for (const Bucket& bucket : buckets)
      for (const float coordinate : bucket.centre) append_number(section, coordinate);
  }
  std::vector<int64_t> order;
  for (const Bucket& bucket : buckets) {
    for (const int64_t n : bucket.rows) append_row(writing, n, bucket.centre, section);
    order.insert(order.end(), bucket.rows.begin(), bucket.rows.end());
  }
  AtomicFile file(path);
  file.write(headers(writing, buckets.size(), full, section.size()));
  file.write(section);
  file.commit();
  return order;
}

}  // namespace orrery::splat
