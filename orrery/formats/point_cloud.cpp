#include "orrery/formats/point_cloud.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"

namespace orrery::formats {
namespace {

enum class Form { kAscii, kLittle, kBig };
enum class Kind { kI8, kU8, kI16, kU16, kI32, kU32, kF32, kF64 };

struct KindName {
  std::string_view name;
  Kind kind;
  size_t bytes;
};
constexpr KindName kKinds[] = {
    {"char", Kind::kI8, 1},   {"int8", Kind::kI8, 1},     {"uchar", Kind::kU8, 1},   {"uint8", Kind::kU8, 1},
    {"short", Kind::kI16, 2}, {"int16", Kind::kI16, 2},   {"ushort", Kind::kU16, 2}, {"uint16", Kind::kU16, 2},
    {"int", Kind::kI32, 4},   {"int32", Kind::kI32, 4},   {"uint", Kind::kU32, 4},   {"uint32", Kind::kU32, 4},
    {"float", Kind::kF32, 4}, {"float32", Kind::kF32, 4}, {"double", Kind::kF64, 8}, {"float64", Kind::kF64, 8},
};

struct Property {
  std::string name;
  Kind kind = Kind::kF32;
  size_t offset = 0, bytes = 0;  // in a binary row
};

struct Header {
  Form form = Form::kAscii;
  uint64_t skipped_bytes = 0, skipped_rows = 0;  // of elements before the vertices
  uint64_t vertices = 0;
  std::vector<Property> properties;  // of a vertex
  size_t row_bytes = 0;

  /// The first of these names that the vertices have.
  const Property* find(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names)
      if (const auto found = std::ranges::find(properties, name, &Property::name); found != properties.end())
        return &*found;
    return nullptr;
  }
};

/// Takes the text up to the next blank off the front.
std::string_view take_word(std::string_view& text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
  text.remove_prefix(word.size());
  return word;
}

class HeaderReader {
 public:
  explicit HeaderReader(ByteReader& reader) : reader_(reader) {}

  Header read() {
    if (line() != "ply") reader_.fail("header", "no \"ply\" at the beginning", "a PLY file");
    for (;;) {
      std::string_view rest = line();
      const std::string_view word = take_word(rest);
      if (word == "end_header") break;
      if (word == "format") read_format(take_word(rest));
      if (word == "element") read_element(rest);
      if (word == "property") read_property(rest);
    }
    if (!in_vertices_ && !past_vertices_) reader_.fail("header", "no element \"vertex\"", "one");
    return std::move(header_);
  }

 private:
  std::string_view line() {
    constexpr uint64_t kLongest = 4096;
    const auto rest = reader_.bytes().subspan(reader_.position());
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), std::min(rest.size(), kLongest));
    const size_t end = text.find('\n');
    if (end == text.npos) reader_.fail("header", "no end of a line", "\"end_header\" on a line of its own");
    std::string_view line = reader_.take_text(end + 1, "header").substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  void read_format(std::string_view name) {
    if (name == "ascii")
      header_.form = Form::kAscii;
    else if (name == "binary_little_endian")
      header_.form = Form::kLittle;
    else if (name == "binary_big_endian")
      header_.form = Form::kBig;
    else
      reader_.fail("format", printable(name), "ascii, binary_little_endian or binary_big_endian");
  }

  void read_element(std::string_view rest) {
    const std::string_view name = take_word(rest), text = take_word(rest);
    uint64_t count = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (problem != std::errc() || end != text.data() + text.size())
      reader_.fail("element", printable(text), "a number of rows");
    if (in_vertices_) past_vertices_ = true;
    in_vertices_ = !past_vertices_ && name == "vertex";
    if (in_vertices_) {
      header_.vertices = count;
    } else if (!past_vertices_) {
      rows_before_ = count;
      header_.skipped_rows += count;
    }
  }

  void read_property(std::string_view rest) {
    if (past_vertices_) return;
    const std::string_view type = take_word(rest);
    const auto kind = std::ranges::find(kKinds, type, &KindName::name);
    if (kind == std::end(kKinds))
      reader_.fail("property", printable(type), "a number type; lists may only follow the vertices");
    if (!in_vertices_) {
      if (rows_before_ > reader_.bytes().size()) reader_.fail("element", "more rows than bytes", "fewer");
      header_.skipped_bytes += rows_before_ * kind->bytes;
      return;
    }
    header_.properties.push_back({std::string(take_word(rest)), kind->kind, header_.row_bytes, kind->bytes});
    header_.row_bytes += kind->bytes;
  }

  ByteReader& reader_;
  Header header_;
  bool in_vertices_ = false, past_vertices_ = false;
  uint64_t rows_before_ = 0;
};

template <class T>
double value_of(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return static_cast<double>(value);
}

double binary_value(const Property& property, const std::byte* row, bool big) {
  std::byte bytes[8];
  std::memcpy(bytes, row + property.offset, property.bytes);
  if (big) std::reverse(bytes, bytes + property.bytes);
  switch (property.kind) {
    case Kind::kI8:
      return value_of<int8_t>(bytes);
    case Kind::kU8:
      return value_of<uint8_t>(bytes);
    case Kind::kI16:
      return value_of<int16_t>(bytes);
    case Kind::kU16:
      return value_of<uint16_t>(bytes);
    case Kind::kI32:
      return value_of<int32_t>(bytes);
    case Kind::kU32:
      return value_of<uint32_t>(bytes);
    case Kind::kF32:
      return value_of<float>(bytes);
    case Kind::kF64:
      return value_of<double>(bytes);
  }
  return 0;
}

uint8_t colour_of(double value, Kind kind) {
  const bool real = kind == Kind::kF32 || kind == Kind::kF64;
  if (!std::isfinite(value)) return 0;
  return static_cast<uint8_t>(std::clamp(std::round(real ? value * 255 : value), 0.0, 255.0));
}

/// Turns rows of property values into points.
class Rows {
 public:
  Rows(const Header& header, const ByteReader& reader) : header_(header), reader_(reader) {
    const auto index = [&](const Property* property) {
      return property == nullptr ? -1 : static_cast<int>(property - header.properties.data());
    };
    axes_ = {index(header.find({"x"})), index(header.find({"y"})), index(header.find({"z"}))};
    channels_ = {index(header.find({"red", "r", "diffuse_red"})), index(header.find({"green", "g", "diffuse_green"})),
                 index(header.find({"blue", "b", "diffuse_blue"}))};
    if (std::ranges::min(axes_) < 0) reader.fail("vertex", "no x, y or z", "all three");
  }

  /// values: one per property.
  void add(const std::vector<double>& values, PointCloud& cloud) const {
    std::array<float, 3> position;
    std::array<uint8_t, 3> colour = {128, 128, 128};
    for (size_t i = 0; i < 3; ++i) {
      position[i] = static_cast<float>(values[static_cast<size_t>(axes_[i])]);
      if (!std::isfinite(position[i]))
        reader_.fail(fmt::format("vertex {}", cloud.positions.size()), "a coordinate that is not finite",
                     "finite ones");
      if (const int channel = channels_[i]; channel >= 0)
        colour[i] =
            colour_of(values[static_cast<size_t>(channel)], header_.properties[static_cast<size_t>(channel)].kind);
    }
    cloud.positions.push_back(position);
    cloud.colours.push_back(colour);
  }

 private:
  const Header& header_;
  const ByteReader& reader_;
  std::array<int, 3> axes_, channels_;
};

void read_binary(const Header& header, ByteReader& reader, const Rows& rows, PointCloud& cloud) {
  reader.take(header.skipped_bytes, "elements before the vertices");
  std::vector<double> values(header.properties.size());
  for (uint64_t i = 0; i < header.vertices; ++i) {
    const std::byte* row = reader.take(header.row_bytes, "vertices").data();
    for (size_t p = 0; p < values.size(); ++p)
      values[p] = binary_value(header.properties[p], row, header.form == Form::kBig);
    rows.add(values, cloud);
  }
}

void read_ascii(const Header& header, ByteReader& reader, const Rows& rows, PointCloud& cloud) {
  std::string_view text = reader.take_text(reader.remaining(), "vertices");
  for (uint64_t i = 0; i < header.skipped_rows; ++i) {
    if (text.empty()) break;
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  std::vector<double> values(header.properties.size());
  for (uint64_t i = 0; i < header.vertices; ++i) {
    for (double& value : values) {
      const std::string_view word = take_word(text);
      const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (problem != std::errc() || end != word.data() + word.size())
        reader.fail(fmt::format("vertex {}", i), word.empty() ? "the end of the file" : printable(word), "a number");
    }
    rows.add(values, cloud);
  }
}

}  // namespace

PointCloud parse_point_cloud(std::span<const std::byte> bytes, const std::string& name) {
  ByteReader reader(bytes, "read a point cloud", name);
  const Header header = HeaderReader(reader).read();
  const Rows rows(header, reader);
  // A row of text has at least a digit and a blank for each number.
  reader.need_count(header.vertices, header.form == Form::kAscii ? 2 * header.properties.size() - 1 : header.row_bytes,
                    "vertices");
  PointCloud cloud;
  cloud.positions.reserve(header.vertices);
  cloud.colours.reserve(header.vertices);
  if (header.form == Form::kAscii)
    read_ascii(header, reader, rows, cloud);
  else
    read_binary(header, reader, rows, cloud);
  return cloud;
}

PointCloud read_point_cloud(const std::filesystem::path& path) {
  return parse_point_cloud(MappedFile::open(path).bytes(), path.string());
}

}  // namespace orrery::formats
