// Facts: nianticlabs/spz, README.md, extensions/README.md and src/cc/load-spz.cc. Version 4's container is a plain
// header of 32 bytes, extensions up to where the table of contents is said to be, that table, and one zstd frame a
// stream.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/gzip.h"
#include "orrery/formats/zstd.h"
#include "orrery/splat/activation.h"
#include "orrery/splat/files/codecs.h"
#include "orrery/splat/smallest_three.h"

namespace orrery::splat {
namespace {

using Buffer = std::vector<std::byte>;

constexpr uint32_t kMagic = 0x5053474e;  // "NGSP"
constexpr uint8_t kAntialiased = 1, kExtended = 2;
constexpr uint32_t kCoordinatesExtension = 0xADBE0003;  // Adobe's: other axes than RUB
constexpr uint64_t kHeaderBytes = 16, kHeader4Bytes = 32;
constexpr int kMaxFractionalBits = 23;
constexpr double kColourScale = 0.15;  // less than kShC0: room for colours that harmonics bring back into 0 to 1

struct SpzHeader {
  uint32_t version = 0, count = 0;
  uint8_t sh_degree = 0, fractional_bits = 0, flags = 0, streams = 0;
};

/// The attributes' bytes, one after another in a file: each [count, its bytes].
struct Streams {
  Buffer position, alpha, colour, scale, rotation, sh;
};

uint64_t rotation_bytes(uint32_t version) { return version >= 3 ? 4 : 3; }

template <class Visit>
void each_stream(const SpzHeader& header, Streams& streams, const Visit& visit) {
  visit("positions", streams.position, 9);
  visit("alphas", streams.alpha, 1);
  visit("colours", streams.colour, 3);
  visit("scales", streams.scale, 3);
  visit("rotations", streams.rotation, rotation_bytes(header.version));
  visit("harmonics", streams.sh, 3u * static_cast<uint64_t>(sh_coefficients(header.sh_degree) - 1));
}

/// Which way a file's axes point, against ours (right, down, front): -1 where the other way.
struct Axes {
  double sign[3] = {1, -1, -1};  // RUB

  /// Of a quaternion's vector: a mirrored axis turns the two rotations about the others around.
  double of_quaternion(int axis) const { return sign[(axis + 1) % 3] * sign[(axis + 2) % 3]; }
  /// Of the basis function of a coefficient above the constant: in which axes it is odd (y, z, x; xy, yz, …).
  double of_harmonic(int k) const {
    constexpr uint8_t kX = 1, kY = 2, kZ = 4;
    constexpr uint8_t kOdd[] = {kY, kZ, kX, kX | kY, kY | kZ, 0, kX | kZ, 0, kY, kX | kY | kZ, kY, kZ, kX, kZ, kX};
    double result = 1;
    for (int axis = 0; axis < 3; ++axis)
      if (kOdd[k] >> axis & 1) result *= sign[axis];
    return result;
  }
};

SpzHeader read_spz_header(formats::ByteReader& reader) {
  if (reader.read<uint32_t>("magic") != kMagic) reader.fail("magic", "another one", "NGSP");
  SpzHeader header;
  header.version = reader.read<uint32_t>("version");
  header.count = reader.read<uint32_t>("count");
  header.sh_degree = reader.read<uint8_t>("SH degree");
  header.fractional_bits = reader.read<uint8_t>("fractional bits");
  header.flags = reader.read<uint8_t>("flags");
  header.streams = reader.read<uint8_t>("streams");
  if (header.version < 2 || header.version > 4) reader.fail("version", std::to_string(header.version), "2, 3 or 4");
  if (header.sh_degree > kMaxShDegree)
    reader.fail("SH degree", std::to_string(header.sh_degree), fmt::format("0 to {}", kMaxShDegree));
  if (header.fractional_bits > kMaxFractionalBits)
    reader.fail("fractional bits", std::to_string(header.fractional_bits), fmt::format("0 to {}", kMaxFractionalBits));
  return header;
}

// Records of a type, a length and so many bytes.
Axes axes_of(formats::ByteReader extensions) {
  Axes axes;
  while (extensions.remaining() > 0) {
    const auto type = extensions.read<uint32_t>("extension");
    const auto size = extensions.read<uint32_t>("extension");
    formats::ByteReader body = extensions.part(extensions.take(size, "extension"));
    if (type != kCoordinatesExtension) continue;
    const auto system = body.read<uint32_t>("coordinate system");
    if (system > 8) body.fail("coordinate system", std::to_string(system), "0 to 8", "y and z exchanged are not known");
    // 1 LDB, 2 RDB, 3 LUB, … 8 RUF: right counts 1, up 2, front 4. 0 leaves it at RUB.
    const uint32_t bits = system == 0 ? 3 : system - 1;
    axes = {{bits & 1 ? 1.0 : -1.0, bits & 2 ? -1.0 : 1.0, bits & 4 ? 1.0 : -1.0}};
  }
  return axes;
}

// As much of a gzip stream as is there up to `most` bytes, in steps: what a header claims is not taken on trust.
Buffer inflate(formats::GzipReader& gzip, uint64_t most) {
  constexpr uint64_t kStep = 1 << 20;
  Buffer out;
  while (out.size() < most) {
    const size_t done = out.size();
    out.resize(std::min(most, done + kStep));
    const size_t size = gzip.read(std::span(out).subspan(done));
    out.resize(done + size);
    if (size == 0) break;
  }
  return out;
}

void read_streams(formats::ByteReader& reader, const SpzHeader& header, Streams& streams) {
  each_stream(header, streams, [&](const char* field, Buffer& stream, uint64_t bytes) {
    if (bytes == 0) return;  // harmonics of degree 0
    reader.need_count(header.count, bytes, field);
    const auto part = reader.take(header.count * bytes, field);
    stream.assign(part.begin(), part.end());
  });
}

void read_streams4(formats::ByteReader& reader, const SpzHeader& header, uint64_t contents, const std::string& name,
                   Streams& streams) {
  const int expected = header.sh_degree > 0 ? 6 : 5;
  if (header.streams != expected)
    reader.fail("streams", std::to_string(header.streams), fmt::format("{} of degree {}", expected, header.sh_degree));
  reader.seek(contents, "table of contents");
  formats::ByteReader table = reader.part(reader.take(static_cast<uint64_t>(expected) * 16, "table of contents"));
  each_stream(header, streams, [&](const char* field, Buffer& stream, uint64_t bytes) {
    if (bytes == 0) return;
    const auto packed = table.read<uint64_t>(field), size = table.read<uint64_t>(field);
    if (size != header.count * bytes)
      reader.fail(field, fmt::format("{} bytes", size), fmt::format("{} × {}", header.count, bytes));
    const auto frame = reader.take(packed, field);
    stream.resize(size);
    formats::zstd_decompress(frame, stream, fmt::format("{}, {}", name, field));
  });
}

uint8_t byte_at(const Buffer& stream, int64_t index) {
  return std::to_integer<uint8_t>(stream[static_cast<size_t>(index)]);
}

double fixed_at(const Buffer& stream, int64_t index, int fractional_bits) {
  const int32_t value = byte_at(stream, 3 * index) | byte_at(stream, 3 * index + 1) << 8 |
                        static_cast<int8_t>(byte_at(stream, 3 * index + 2)) * 65536;
  return std::ldexp(value, -fractional_bits);
}

// As x y z w. Version 2 has x, y, z as bytes and a w that is not negative.
std::array<double, 4> rotation_at(const Buffer& stream, int64_t n, uint32_t version) {
  constexpr uint32_t kMagnitude = 511;
  if (version < 3) {
    SmallestThree packed{.largest = 3};
    for (int i = 0; i < 3; ++i) packed.rest[static_cast<size_t>(i)] = byte_at(stream, 3 * n + i) / 127.5 - 1;
    return quaternion_from(packed);
  }
  uint32_t bits;
  std::memcpy(&bits, stream.data() + 4 * n, sizeof bits);
  SmallestThree packed{.largest = bits >> 30};
  for (size_t i = 0; i < 3; ++i) {
    const uint32_t component = bits >> (20 - 10 * i) & 1023;
    const double magnitude = (component & kMagnitude) / (kMagnitude * std::numbers::sqrt2);
    packed.rest[i] = component > kMagnitude ? -magnitude : magnitude;
  }
  return quaternion_from(packed);
}

Scene unpack(const SpzHeader& header, const Streams& streams, const Axes& axes) {
  Scene scene = Scene::zeros(header.count, header.sh_degree);
  scene.antialiased = (header.flags & kAntialiased) != 0;
  const int coefficients = scene.coefficients();
  for (int64_t n = 0; n < scene.count(); ++n) {
    const std::array<double, 4> quat = rotation_at(streams.rotation, n, header.version);
    scene.quats[4 * n] = static_cast<float>(quat[3]);
    for (int axis = 0; axis < 3; ++axis) {
      scene.means[3 * n + axis] =
          static_cast<float>(axes.sign[axis] * fixed_at(streams.position, 3 * n + axis, header.fractional_bits));
      scene.log_scales[3 * n + axis] = byte_at(streams.scale, 3 * n + axis) / 16.0f - 10;
      scene.quats[4 * n + 1 + axis] = static_cast<float>(axes.of_quaternion(axis) * quat[static_cast<size_t>(axis)]);
      scene.sh[3 * n * coefficients + axis] =
          static_cast<float>((byte_at(streams.colour, 3 * n + axis) / 255.0 - 0.5) / kColourScale);
    }
    scene.opacity_logits[n] = logit_from_opacity(byte_at(streams.alpha, n) / 255.0);
    for (int i = 0; i < 3 * (coefficients - 1); ++i)
      scene.sh[3 * (n * coefficients + 1) + i] = static_cast<float>(
          axes.of_harmonic(i / 3) * (byte_at(streams.sh, n * 3 * (coefficients - 1) + i) - 128) / 128.0);
  }
  return scene;
}

void add_byte(Buffer& stream, double value) { stream.push_back(static_cast<std::byte>(to_byte(value))); }

// The finest steps in which the farthest centre still fits 24 bits; 2^-12 in a scene of 2048 units, as all its writers
// do.
int fractional_bits_of(const Scene& scene) {
  const Box box = bounding_box(scene);
  double farthest = 0;
  for (int axis = 0; axis < 3; ++axis)
    farthest = std::max({farthest, std::abs(double{box.min[axis]}), std::abs(double{box.max[axis]})});
  int bits = 12;
  while (bits > 0 && std::isfinite(farthest) && std::ldexp(farthest, bits) > (1 << 23) - 1) --bits;
  return bits;
}

void pack_position(double value, int fractional_bits, Buffer& stream) {
  constexpr double kMost = (1 << 23) - 1;
  const double scaled = std::clamp(std::ldexp(value, fractional_bits), -kMost, kMost);
  const int64_t fixed = std::isnan(scaled) ? 0 : std::llround(scaled);
  for (int shift = 0; shift < 24; shift += 8) stream.push_back(static_cast<std::byte>(fixed >> shift & 255));
}

void pack_rotation(const std::array<double, 4>& quat, uint32_t version, Buffer& stream) {
  if (version < 3) {
    const double scale = quat[3] < 0 ? -127.5 : 127.5;
    for (size_t i = 0; i < 3; ++i) add_byte(stream, scale * quat[i] + 127.5);
    return;
  }
  const SmallestThree packed = smallest_three(quat);
  auto bits = static_cast<uint32_t>(packed.largest);
  for (const double component : packed.rest)
    bits = bits << 10 | (component < 0 ? 512u : 0u) | to_level(511 * std::numbers::sqrt2 * std::abs(component), 511);
  for (int shift = 0; shift < 32; shift += 8) stream.push_back(static_cast<std::byte>(bits >> shift & 255));
}

// Five bits for the first degree and four above it, in the upper bits of a byte: what the format's writer does, so that
// gzip finds something to do. 0 stays 0.
std::byte pack_harmonic(double value, int k) {
  const int bucket = k < 3 ? 8 : 16;
  const double level = std::clamp(std::round(value * 128) + 128, 0.0, 255.0);
  const int bucketed = (static_cast<int>(std::isnan(level) ? 128 : level) + bucket / 2) / bucket * bucket;
  return static_cast<std::byte>(std::min(bucketed, 255));
}

Streams pack(const SpzHeader& header, const Scene& scene) {
  const Axes axes;
  const int coefficients = scene.coefficients();
  Streams streams;
  for (int64_t n = 0; n < scene.count(); ++n) {
    const std::array<double, 4> quat = unit_quaternion(scene.quats.data() + 4 * n);
    for (int axis = 0; axis < 3; ++axis) {
      pack_position(axes.sign[axis] * scene.means[3 * n + axis], header.fractional_bits, streams.position);
      add_byte(streams.scale, (scene.log_scales[3 * n + axis] + 10.0) * 16);
      add_byte(streams.colour, 255 * (kColourScale * scene.sh[3 * n * coefficients + axis] + 0.5));
    }
    add_byte(streams.alpha, 255 * opacity_from_logit(scene.opacity_logits[n]));
    pack_rotation(
        {axes.of_quaternion(0) * quat[1], axes.of_quaternion(1) * quat[2], axes.of_quaternion(2) * quat[3], quat[0]},
        header.version, streams.rotation);
    for (int i = 0; i < 3 * (coefficients - 1); ++i)
      streams.sh.push_back(pack_harmonic(axes.of_harmonic(i / 3) * scene.sh[3 * (n * coefficients + 1) + i], i / 3));
  }
  return streams;
}

template <class T>
void append(Buffer& out, T value) {
  const size_t size = out.size();
  out.resize(size + sizeof value);
  std::memcpy(out.data() + size, &value, sizeof value);
}

Buffer header_bytes(const SpzHeader& header) {
  Buffer out;
  append(out, kMagic);
  append(out, header.version);
  append(out, header.count);
  for (const uint8_t byte : {header.sh_degree, header.fractional_bits, header.flags, header.streams}) append(out, byte);
  return out;
}

Buffer container(const SpzHeader& header, Streams& streams) {
  Buffer out = header_bytes(header);
  each_stream(header, streams, [&](const char*, const Buffer& stream, uint64_t) {
    out.insert(out.end(), stream.begin(), stream.end());
  });
  return formats::gzip_compress(out);
}

Buffer container4(const SpzHeader& header, Streams& streams) {
  Buffer out = header_bytes(header), frames;
  append(out, static_cast<uint32_t>(kHeader4Bytes));  // the table of contents follows the header
  out.resize(kHeader4Bytes);
  each_stream(header, streams, [&](const char*, const Buffer& stream, uint64_t) {
    if (stream.empty()) return;
    const Buffer frame = formats::zstd_compress(stream);
    append(out, uint64_t{frame.size()});
    append(out, uint64_t{stream.size()});
    frames.insert(frames.end(), frame.begin(), frame.end());
  });
  out.insert(out.end(), frames.begin(), frames.end());
  return out;
}

}  // namespace

bool is_spz(Bytes bytes) {
  uint32_t magic = 0;
  if (bytes.size() >= sizeof magic) std::memcpy(&magic, bytes.data(), sizeof magic);
  return magic == kMagic || formats::is_gzip(bytes);
}

Scene read_spz(Bytes bytes, const std::filesystem::path& path) {
  constexpr const char* kDoing = "read an spz scene";
  constexpr uint64_t kMaxExtensions = 1 << 20;
  Buffer inflated;
  if (formats::is_gzip(bytes)) {
    formats::GzipReader gzip(bytes, path.string());
    inflated = inflate(gzip, kHeaderBytes);
    formats::ByteReader start(inflated, kDoing, path.string());
    const SpzHeader header = read_spz_header(start);
    check_count(header.count, bytes.size(), path);
    const uint64_t row = 16 + rotation_bytes(header.version) + 3u * (sh_coefficients(header.sh_degree) - 1u);
    const Buffer body = inflate(gzip, header.count * row + kMaxExtensions);
    inflated.insert(inflated.end(), body.begin(), body.end());
    bytes = inflated;
  }
  formats::ByteReader reader(bytes, kDoing, path.string());
  const SpzHeader header = read_spz_header(reader);
  check_count(header.count, bytes.size(), path);
  Streams streams;
  Axes axes;
  if (header.version < 4) {
    read_streams(reader, header, streams);
    if (header.flags & kExtended) axes = axes_of(reader.part(reader.take(reader.remaining(), "extensions")));
  } else {
    const auto contents = reader.read<uint32_t>("table of contents");
    if (contents < kHeader4Bytes)
      reader.fail("table of contents", std::to_string(contents), fmt::format("{} or more", kHeader4Bytes));
    reader.seek(kHeader4Bytes, "header");
    const auto extensions = reader.take(contents - kHeader4Bytes, "extensions");
    if (header.flags & kExtended) axes = axes_of(reader.part(extensions));
    read_streams4(reader, header, contents, path.string(), streams);
  }
  return unpack(header, streams, axes);
}

std::vector<int64_t> write_spz(const Scene& scene, const std::filesystem::path& path, const SaveOptions& options) {
  if (options.spz_version < 2 || options.spz_version > 4)
    throw Error({.doing = "write an spz scene",
                 .where = "spz_version",
                 .found = std::to_string(options.spz_version),
                 .expected = "2, 3 or 4"});
  SpzHeader header{.version = static_cast<uint32_t>(options.spz_version),
                   .count = static_cast<uint32_t>(scene.count()),
                   .sh_degree = static_cast<uint8_t>(scene.sh_degree),
                   .fractional_bits = static_cast<uint8_t>(fractional_bits_of(scene)),
                   .flags = scene.antialiased ? kAntialiased : uint8_t{0}};
  if (header.version == 4) header.streams = scene.sh_degree > 0 ? 6 : 5;
  Streams streams = pack(header, scene);
  const Buffer bytes = header.version == 4 ? container4(header, streams) : container(header, streams);
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
  return {};
}

}  // namespace orrery::splat
