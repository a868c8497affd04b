// Facts: PlayCanvas, "The SOG Format" (version 2), and playcanvas/splat-transform, src/lib/readers/read-sog-v1.ts.
// Every table is a picture whose pixel i, counted row by row, belongs to Gaussian i.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "orrery/base/atomic_folder.h"
#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/webp.h"
#include "orrery/formats/zip_reader.h"
#include "orrery/formats/zip_writer.h"
#include "orrery/splat/activation.h"
#include "orrery/splat/codebook.h"
#include "orrery/splat/files/codecs.h"
#include "orrery/splat/morton.h"
#include "orrery/splat/smallest_three.h"

namespace orrery::splat {
namespace {

namespace fs = std::filesystem;
using formats::RgbaTable;
using nlohmann::json;

constexpr uint64_t kMaxMetaBytes = 256 << 10;  // three codebooks take some 15 KB
constexpr int kPaletteColumns = 64;            // centroids in a row of their picture
constexpr int64_t kMaxPalette = 65536;
constexpr int kFirstTag = 252;  // the fourth byte of a rotation says which component is left out: 252 + w x y z

/// Positions are kept as sign(x)·ln(1 + |x|): fine steps near the origin, coarse ones far out.
double log_position(double x) { return std::copysign(std::log1p(std::abs(x)), x); }
double position_from_log(double y) { return std::copysign(std::expm1(std::abs(y)), y); }

/// meta.json and the pictures that it names.
class Files {
 public:
  Files(Bytes bytes, const fs::path& path) : reader_(bytes, "read a SOG scene", path.string()), path_(path) {
    if (formats::ZipReader::is_zip(bytes)) zip_ = std::make_unique<formats::ZipReader>(reader_);
  }

  const formats::ByteReader& reader() const { return reader_; }

  json meta() const {
    const Bytes text = zip_ == nullptr ? reader_.bytes() : zip_->bytes(entry("meta.json"));
    if (text.size() > kMaxMetaBytes)
      reader_.fail("meta.json", fmt::format("{} bytes", text.size()), fmt::format("at most {}", kMaxMetaBytes));
    const auto* begin = reinterpret_cast<const char*>(text.data());
    json parsed = json::parse(begin, begin + text.size(), nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_object()) reader_.fail("meta.json", "no JSON object", "one");
    return parsed;
  }

  /// Throws Error, too, where the picture is too small a file for `count` Gaussians, if that is not 0.
  RgbaTable picture(const std::string& name, int64_t max_pixels, int64_t count = 0) const {
    if (name.empty() || name.find_first_of("/\\") != name.npos || name == "..")
      reader_.fail("meta.json, files", formats::printable(name), "the name of a file beside it");
    const MappedFile file = zip_ == nullptr ? MappedFile::open(path_.parent_path() / name) : MappedFile();
    const Bytes bytes = zip_ == nullptr ? file.bytes() : zip_->bytes(entry(name));
    if (count > 0) check_count(static_cast<uint64_t>(count), bytes.size(), path_);
    return formats::decode_webp_table(bytes, fmt::format("{}, {}", path_.string(), name), max_pixels);
  }

 private:
  const formats::ZipReader::Entry& entry(std::string_view name) const {
    const auto* found = zip_->find(name);
    if (found == nullptr) reader_.fail("zip directory", "no " + formats::printable(name), "one");
    return *found;
  }

  formats::ByteReader reader_;
  fs::path path_;
  std::unique_ptr<formats::ZipReader> zip_;
};

/// A part of meta.json that names what it lacks.
class Part {
 public:
  Part(const json& value, std::string place, const formats::ByteReader& reader)
      : value_(value), place_(std::move(place)), reader_(reader) {
    if (!value.is_object()) fail(value.is_null() ? "nothing" : "no object", "an object");
  }

  bool has(const char* key) const { return value_.contains(key); }
  Part part(const char* key) const { return {member(key), place_ + ", " + key, reader_}; }

  std::vector<float> numbers(const char* key, size_t count) const {
    const json& list = member(key);
    std::vector<float> result;
    for (const json& number : list) {
      if (!number.is_number() || result.size() == count) break;
      result.push_back(number.get<float>());
    }
    if (!list.is_array() || list.size() != count || result.size() != count)
      fail(fmt::format("{} that is no list of {} numbers", key, count), "one");
    return result;
  }
  float number(const char* key) const {
    if (!member(key).is_number()) fail(fmt::format("{} that is no number", key), "a number");
    return member(key).get<float>();
  }
  int64_t integer(const char* key, int64_t least, int64_t most) const {
    const json& number = member(key);
    const bool known = number.is_number_integer() && number.get<int64_t>() >= least && number.get<int64_t>() <= most;
    if (!known) fail(fmt::format("{} {}", key, number.dump().substr(0, 40)), fmt::format("{} to {}", least, most));
    return number.get<int64_t>();
  }
  std::string file(size_t index) const {
    const json& list = member("files");
    if (!list.is_array() || list.size() <= index || !list[index].is_string())
      fail(fmt::format("no file {}", index + 1), "its name in \"files\"");
    return list[index].get<std::string>();
  }
  const json& member(const char* key) const {
    const auto found = value_.find(key);
    if (found == value_.end()) fail(fmt::format("no {}", key), "one");
    return *found;
  }
  [[noreturn]] void fail(std::string found, std::string expected) const {
    reader_.fail(place_, std::move(found), std::move(expected));
  }

 private:
  const json& value_;
  std::string place_;
  const formats::ByteReader& reader_;
};

/// From a byte to a number: an entry of a codebook (version 2), or a fraction of a channel's range (version 1).
class Levels {
 public:
  Levels(const Part& part, int version, size_t channels) {
    if (version == 2) {
      book_ = part.numbers("codebook", 256);
    } else if (channels == 1) {
      low_ = {part.number("mins")}, high_ = {part.number("maxs")};
    } else {
      low_ = part.numbers("mins", channels), high_ = part.numbers("maxs", channels);
    }
  }
  float at(uint8_t byte, size_t channel) const {
    if (!book_.empty()) return book_[byte];
    const size_t range = std::min(channel, low_.size() - 1);
    return low_[range] + (high_[range] - low_[range]) * static_cast<float>(byte) / 255;
  }

 private:
  std::vector<float> book_, low_, high_;
};

class SceneReader {
 public:
  SceneReader(Bytes bytes, const fs::path& path) : files_(bytes, path), json_(files_.meta()) {
    const Part meta(json_, "meta.json", files_.reader());
    version_ = meta.has("version") ? static_cast<int>(meta.integer("version", 2, 2)) : 1;
    int64_t count = 0;
    if (version_ == 2) {
      count = meta.integer("count", 1, INT32_MAX);
    } else {
      const json& shape = meta.part("means").member("shape");
      if (shape.is_array() && !shape.empty() && shape[0].is_number_integer()) count = shape[0].get<int64_t>();
    }
    if (count < 1 || count > INT32_MAX) meta.fail(fmt::format("a count of {}", count), "1 or more");
    read_means(meta.part("means"), count);
    read_rotations(meta.part("quats"));
    read_scales(meta.part("scales"));
    read_colours(meta.part("sh0"));
    if (meta.has("shN") && !meta.member("shN").is_null()) read_harmonics(meta.part("shN"));
    const auto is = [&](const char* key, const json& value) { return meta.has(key) && meta.member(key) == value; };
    scene_.antialiased = is("antialias", true) || is("model", "antialiased");
  }

  Scene take() { return std::move(scene_); }

 private:
  // A picture of one pixel for each Gaussian; some more at its end.
  RgbaTable table(const Part& part, size_t file, int64_t count, bool dense = false) const {
    const int64_t most = 4 * count + 65536;
    RgbaTable read = files_.picture(part.file(file), most, dense ? count : 0);
    if (read.height * read.width < count)
      part.fail(fmt::format("a picture of {} × {}", read.width, read.height), fmt::format("{} pixels", count));
    return read;
  }

  void read_means(const Part& part, int64_t count) {
    // The lower bytes of places are noise, which no picture packs well: one of few bytes lies about the count.
    const RgbaTable lower = table(part, 0, count, /*dense=*/true), upper = table(part, 1, count);
    scene_ = Scene::zeros(count, 0);
    const std::vector<float> low = part.numbers("mins", 3), high = part.numbers("maxs", 3);
    for (int64_t n = 0; n < count; ++n)
      for (int64_t axis = 0; axis < 3; ++axis) {
        const int level = lower.bytes[4 * n + axis] | upper.bytes[4 * n + axis] << 8;
        const double t = level / 65535.0;
        scene_.means[3 * n + axis] = static_cast<float>(position_from_log(low[axis] * (1 - t) + high[axis] * t));
      }
  }

  void read_rotations(const Part& part) {
    const RgbaTable bytes = table(part, 0, scene_.count());
    for (int64_t n = 0; n < scene_.count(); ++n) {
      const uint8_t* pixel = bytes.bytes.data() + 4 * n;
      std::array<double, 4> quat = {1, 0, 0, 0};
      if (pixel[3] >= kFirstTag) {
        SmallestThree packed{.largest = static_cast<size_t>(pixel[3] - kFirstTag)};
        for (size_t i = 0; i < 3; ++i) packed.rest[i] = (pixel[i] / 127.5 - 1) / std::sqrt(2.0);
        quat = quaternion_from(packed);
      }
      for (size_t i = 0; i < 4; ++i) scene_.quats[4 * static_cast<size_t>(n) + i] = static_cast<float>(quat[i]);
    }
  }

  void read_scales(const Part& part) {
    const Levels levels(part, version_, 3);
    const RgbaTable bytes = table(part, 0, scene_.count());
    for (int64_t n = 0; n < scene_.count(); ++n)
      for (size_t axis = 0; axis < 3; ++axis)
        scene_.log_scales[3 * static_cast<size_t>(n) + axis] =
            levels.at(bytes.bytes[4 * static_cast<size_t>(n) + axis], axis);
  }

  // Version 1 keeps the logit of the opacity in a range of its own, version 2 the opacity.
  void read_colours(const Part& part) {
    const Levels levels(part, version_, 4);
    const RgbaTable bytes = table(part, 0, scene_.count());
    for (int64_t n = 0; n < scene_.count(); ++n) {
      const uint8_t* pixel = bytes.bytes.data() + 4 * n;
      for (size_t channel = 0; channel < 3; ++channel)
        scene_.sh[3 * static_cast<size_t>(n) + channel] = levels.at(pixel[channel], channel);
      scene_.opacity_logits[n] = version_ == 1 ? levels.at(pixel[3], 3) : logit_from_opacity(pixel[3] / 255.0);
    }
  }

  // The degree is said in version 2; the width of the centroids' picture says it in both.
  void read_harmonics(const Part& part) {
    const Levels levels(part, version_, 1);
    const RgbaTable centroids = files_.picture(part.file(0), kMaxPalette * (sh_coefficients(kMaxShDegree) - 1)),
                    labels = table(part, 1, scene_.count());
    int degree = 0;
    for (int d = 1; d <= kMaxShDegree; ++d)
      if (centroids.width == kPaletteColumns * (sh_coefficients(d) - 1)) degree = d;
    if (degree == 0 || (version_ == 2 && part.integer("bands", 0, kMaxShDegree) != degree))
      part.fail(fmt::format("centroids {} pixels wide", centroids.width), "64 × 3, 8 or 15, as its bands say");
    widen(degree);
    const int coefficients = scene_.coefficients();
    for (int64_t n = 0; n < scene_.count(); ++n) {
      const int64_t label = labels.bytes[4 * n] | labels.bytes[4 * n + 1] << 8;
      const int64_t y = label / kPaletteColumns, x = label % kPaletteColumns * (coefficients - 1);
      if (y >= centroids.height)
        part.fail(fmt::format("label {}", label), fmt::format("less than {}", centroids.height * kPaletteColumns));
      const uint8_t* pixels = centroids.bytes.data() + 4 * (y * centroids.width + x);
      for (int k = 1; k < coefficients; ++k)
        for (int channel = 0; channel < 3; ++channel)
          scene_.sh[3 * (n * coefficients + k) + channel] = levels.at(pixels[4 * (k - 1) + channel], 0);
    }
  }

  void widen(int degree) {
    const std::vector<float> constant = std::move(scene_.sh);
    scene_.sh_degree = degree;
    scene_.sh.assign(constant.size() * static_cast<size_t>(scene_.coefficients()), 0);
    for (int64_t n = 0; n < scene_.count(); ++n)
      std::copy_n(constant.data() + 3 * n, 3, scene_.sh.data() + 3 * n * scene_.coefficients());
  }

  Files files_;
  json json_;
  int version_ = 2;
  Scene scene_;
};

// Sets of harmonics: one for each Gaussian of a small scene, half as many or more beyond, as many as 16 bits can name
// in a large one.
int64_t palette_size(int64_t count) {
  constexpr int64_t kSmall = 1024;
  const auto power = static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(count)));
  return count <= kSmall ? count : std::min(kMaxPalette, power);
}

/// A scene's pictures by name, and what meta.json says of them.
class SceneWriter {
 public:
  SceneWriter(const Scene& scene, std::span<const int64_t> order) : scene_(scene), order_(order) {
    const auto side = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(order.size()))));
    width_ = (side + 3) / 4 * 4;
    height_ = (static_cast<int64_t>(order.size()) + width_ - 1) / width_;
    meta_["version"] = 2;
    meta_["count"] = order.size();
    meta_["asset"] = {{"generator", "Orrery"}};
    if (scene.antialiased) {  // the first readers' name for it, and the later ones'
      meta_["antialias"] = true;
      meta_["model"] = "antialiased";
    }
    add_means();
    add_rotations();
    add_scales();
    add_colours();
    if (scene.sh_degree > 0) add_harmonics();
  }

  void write_archive(const fs::path& path) const {
    formats::ZipWriter zip(path);
    each_file([&](const std::string& name, Bytes bytes) { zip.add(name, bytes); });
    zip.commit();
  }
  void write_folder(const fs::path& path) const {
    AtomicFolder folder(path);
    each_file([&](const std::string& name, Bytes bytes) {
      AtomicFile file(folder.path() / name);
      file.write(bytes.data(), bytes.size());
      file.commit();
    });
    folder.commit();
  }

 private:
  template <class Visit>
  void each_file(const Visit& visit) const {
    const std::string text = meta_.dump();
    visit("meta.json", std::as_bytes(std::span(text)));
    for (const auto& [name, bytes] : pictures_) visit(name, bytes);
  }

  RgbaTable empty_table() const {
    return {height_, width_, std::vector<uint8_t>(static_cast<size_t>(4 * height_ * width_), 255)};
  }
  std::string add(const char* name, const RgbaTable& table) {
    pictures_.emplace_back(name, formats::encode_webp_table(table));
    return name;
  }
  /// Calls fill(n, pixel) for the pixel of each Gaussian n.
  template <class Fill>
  RgbaTable table(const Fill& fill) const {
    RgbaTable result = empty_table();
    for (size_t i = 0; i < order_.size(); ++i) fill(order_[i], result.bytes.data() + 4 * i);
    return result;
  }

  void add_means() {
    const Box box = bounding_box(scene_);
    double low[3], high[3];
    for (size_t axis = 0; axis < 3; ++axis) {
      const bool empty = box.min[axis] > box.max[axis];
      low[axis] = empty ? 0 : log_position(box.min[axis]);
      high[axis] = empty ? 0 : log_position(box.max[axis]);
    }
    RgbaTable upper = empty_table();
    size_t next = 0;
    const RgbaTable lower = table([&](int64_t n, uint8_t* pixel) {
      uint8_t* above = upper.bytes.data() + 4 * next++;
      for (size_t axis = 0; axis < 3; ++axis) {
        const double y = log_position(scene_.means[3 * static_cast<size_t>(n) + axis]), extent = high[axis] - low[axis];
        const uint32_t level = extent > 0 ? to_level(65535 * (y - low[axis]) / extent, 65535) : 0;
        pixel[axis] = static_cast<uint8_t>(level & 255);
        above[axis] = static_cast<uint8_t>(level >> 8);
      }
    });
    meta_["means"] = {
        {"mins", low}, {"maxs", high}, {"files", {add("means_l.webp", lower), add("means_u.webp", upper)}}};
  }

  void add_rotations() {
    meta_["quats"]["files"] = {add("quats.webp", table([&](int64_t n, uint8_t* pixel) {
                                     const SmallestThree packed =
                                         smallest_three(unit_quaternion(scene_.quats.data() + 4 * n));
                                     for (size_t i = 0; i < 3; ++i)
                                       pixel[i] = to_byte(127.5 * (packed.rest[i] * std::sqrt(2.0) + 1));
                                     pixel[3] = static_cast<uint8_t>(kFirstTag + packed.largest);
                                   }))};
  }

  void add_scales() {
    const std::array<float, 256> book = codebook(scene_.log_scales);
    const RgbaTable bytes = table([&](int64_t n, uint8_t* pixel) {
      for (int axis = 0; axis < 3; ++axis) pixel[axis] = nearest(book, scene_.log_scales[3 * n + axis]);
    });
    meta_["scales"] = {{"codebook", book}, {"files", {add("scales.webp", bytes)}}};
  }

  void add_colours() {
    const int64_t coefficients = scene_.coefficients();
    std::vector<float> constant;
    for (const int64_t n : order_)
      constant.insert(constant.end(), scene_.sh.begin() + 3 * n * coefficients,
                      scene_.sh.begin() + 3 * n * coefficients + 3);
    const std::array<float, 256> book = codebook(std::move(constant));
    const RgbaTable bytes = table([&](int64_t n, uint8_t* pixel) {
      for (int channel = 0; channel < 3; ++channel)
        pixel[channel] = nearest(book, scene_.sh[3 * n * coefficients + channel]);
      pixel[3] = to_byte(255 * opacity_from_logit(scene_.opacity_logits[n]));
    });
    meta_["sh0"] = {{"codebook", book}, {"files", {add("sh0.webp", bytes)}}};
  }

  void add_harmonics() {
    const int above = scene_.coefficients() - 1;
    std::vector<float> points;
    points.reserve(order_.size() * static_cast<size_t>(3 * above));
    for (const int64_t n : order_) {
      const auto first = scene_.sh.begin() + 3 * (n * (above + 1) + 1);
      points.insert(points.end(), first, first + 3 * above);
    }
    const Palette found = palette(points, 3 * above, palette_size(static_cast<int64_t>(order_.size())));
    const std::array<float, 256> book = codebook(found.centres);
    const auto count = static_cast<int64_t>(found.centres.size()) / (3 * above);
    RgbaTable centroids{(count + kPaletteColumns - 1) / kPaletteColumns, kPaletteColumns * above, {}};
    centroids.bytes.resize(static_cast<size_t>(4 * centroids.height * centroids.width), 255);
    for (int64_t i = 0; i < count * above; ++i)
      for (int channel = 0; channel < 3; ++channel)
        centroids.bytes[4 * i + channel] = nearest(book, found.centres[3 * i + channel]);
    size_t next = 0;
    const RgbaTable labels = table([&](int64_t, uint8_t* pixel) {
      const int32_t label = found.labels[next++];
      pixel[0] = static_cast<uint8_t>(label & 255);
      pixel[1] = static_cast<uint8_t>(label >> 8);
    });
    meta_["shN"] = {{"count", count},
                    {"bands", scene_.sh_degree},
                    {"codebook", book},
                    {"files", {add("shN_centroids.webp", centroids), add("shN_labels.webp", labels)}}};
  }

  const Scene& scene_;
  std::span<const int64_t> order_;
  int64_t width_ = 0, height_ = 0;
  nlohmann::ordered_json meta_;
  std::vector<std::pair<std::string, std::vector<std::byte>>> pictures_;
};

}  // namespace

bool is_sog(Bytes bytes) {
  constexpr size_t kLooked = 4096;
  if (formats::ZipReader::is_zip(bytes)) return true;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLooked));
  return text.starts_with('{') && text.find("\"means\"") != text.npos;
}

Scene read_sog(Bytes bytes, const fs::path& path) { return SceneReader(bytes, path).take(); }

std::vector<int64_t> write_sog(const Scene& scene, const fs::path& path, const SaveOptions&) {
  std::vector<int64_t> order = morton_order(scene);
  const SceneWriter writer(scene, order);
  if (path.extension() == ".sog")
    writer.write_archive(path);
  else
    writer.write_folder(path.filename() == "meta.json" ? path.parent_path() : path);
  return order;
}

}  // namespace orrery::splat
