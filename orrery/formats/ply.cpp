#include "orrery/formats/ply.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace orrery::formats {
namespace {

constexpr uint64_t kMaxHeaderBytes = 1 << 20;
constexpr size_t kMaxProperties = 4096;

// The names of 1994 and those that say how wide they are.
constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"char", DType::kI8},   {"int8", DType::kI8},     {"uchar", DType::kU8},   {"uint8", DType::kU8},
    {"short", DType::kI16}, {"int16", DType::kI16},   {"ushort", DType::kU16}, {"uint16", DType::kU16},
    {"int", DType::kI32},   {"int32", DType::kI32},   {"uint", DType::kU32},   {"uint32", DType::kU32},
    {"float", DType::kF32}, {"float32", DType::kF32}, {"double", DType::kF64}, {"float64", DType::kF64},
};

std::string_view take_line(ByteReader& reader) {
  const auto rest = reader.bytes().subspan(reader.position());
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
  const size_t end = text.substr(0, kMaxHeaderBytes).find('\n');
  if (end == text.npos || reader.position() + end > kMaxHeaderBytes)
    reader.fail("header", "no end_header", "one within the first MiB", "the file is cut short or no PLY file");
  std::string_view line = reader.take_text(end + 1, "header").substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// The next word of a line, which loses it.
std::string_view take_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

template <class T>
T load(const std::byte* data, bool swapped) {
  std::byte bytes[sizeof(T)];
  std::memcpy(bytes, data, sizeof(T));
  if (swapped) std::reverse(bytes, bytes + sizeof(T));
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

// Calls visit with a value of the type's own C++ type.
template <class Visit>
void with_type(DType type, const Visit& visit) {
  switch (type) {
    case DType::kI8:
      return visit(int8_t{});
    case DType::kU8:
      return visit(uint8_t{});
    case DType::kI16:
      return visit(int16_t{});
    case DType::kU16:
      return visit(uint16_t{});
    case DType::kI32:
      return visit(int32_t{});
    case DType::kU32:
      return visit(uint32_t{});
    case DType::kF64:
      return visit(double{});
    default:
      return visit(float{});
  }
}

// A number of an ASCII file into its place in a row.
void store(std::string_view text, const PlyFile::Property& property, std::byte* row, const ByteReader& reader) {
  with_type(property.type, [&](auto zero) {
    decltype(zero) value = zero;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failure != std::errc() || end != text.data() + text.size())
      reader.fail("property " + printable(property.name), printable(text),
                  fmt::format("a number of type {}", name(property.type)));
    std::memcpy(row + property.offset, &value, sizeof(value));
  });
}

}  // namespace

const PlyFile::Property* PlyFile::Element::find(std::string_view property) const {
  const auto found = std::ranges::find(properties, property, &Property::name);
  return found == properties.end() ? nullptr : &*found;
}

const PlyFile::Element* PlyFile::find(std::string_view name) const {
  const auto found = std::ranges::find(elements_, name, &Element::name);
  return found == elements_.end() ? nullptr : &*found;
}

bool PlyFile::is_ply(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), std::min<size_t>(bytes.size(), 5));
  return text.starts_with("ply\n") || text.starts_with("ply\r\n");
}

void PlyFile::read_header(ByteReader& reader) {
  bool known_encoding = false, keep = true;
  for (size_t properties = 0;;) {
    std::string_view line = take_line(reader);
    const std::string_view keyword = take_word(line);
    if (keyword == "end_header") break;
    if (keyword == "comment" || keyword == "obj_info") {
      comments_.emplace_back(line.substr(std::min<size_t>(line.size(), 1)));
    } else if (keyword == "format") {
      const std::string_view encoding = take_word(line);
      if (encoding == "ascii")
        encoding_ = Encoding::kAscii;
      else if (encoding == "binary_big_endian")
        encoding_ = Encoding::kBig;
      else if (encoding != "binary_little_endian")
        reader.fail("format", printable(encoding), "ascii, binary_little_endian or binary_big_endian");
      known_encoding = true;
    } else if (keyword == "element") {
      Element element{.name = std::string(take_word(line))};
      const std::string_view count = take_word(line);
      const auto [end, failure] = std::from_chars(count.data(), count.data() + count.size(), element.count);
      if (failure != std::errc() || end != count.data() + count.size())
        reader.fail("element " + printable(element.name), "the count " + printable(count), "a whole number");
      if (find(element.name) != nullptr) reader.fail("element " + printable(element.name), "the name twice", "once");
      if (keep) elements_.push_back(std::move(element));
    } else if (keyword == "property") {
      if (!keep) continue;
      if (elements_.empty()) reader.fail("header", "a property before any element", "an element first");
      if (++properties > kMaxProperties)
        reader.fail("header", "one more property", fmt::format("at most {}", kMaxProperties));
      const std::string_view type = take_word(line);
      Element& element = elements_.back();
      if (type == "list") {  // its rows have no fixed size, so that what follows could only be found by walking them
        elements_.pop_back();
        keep = false;
        continue;
      }
      const std::string property(take_word(line));
      const auto known = std::ranges::find(kTypes, type, &std::pair<std::string_view, DType>::first);
      if (known == std::end(kTypes))
        reader.fail("property " + printable(property), "the type " + printable(type),
                    "char to double, int8 to float64");
      if (property.empty() || element.find(property) != nullptr)
        reader.fail("property " + printable(property), "the name twice or none", "each property once");
      element.properties.push_back({property, known->second, element.stride});
      element.stride += static_cast<uint64_t>(info(known->second).block_bytes);
    } else {
      reader.fail("header", "the line " + printable(keyword), "format, element, property, comment or end_header");
    }
  }
  if (!known_encoding) reader.fail("header", "no format", "one, before the elements");
}

void PlyFile::read_ascii_rows(ByteReader& reader) {
  const auto rest = reader.bytes().subspan(reader.position());
  std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
  constexpr std::string_view kBlank = " \t\r\n";
  converted_.resize(elements_.size());
  for (size_t i = 0; i < elements_.size(); ++i) {
    Element& element = elements_[i];
    const size_t values = element.properties.size();
    if (values > 0 && element.count > text.size() / values)  // a value has a digit at least
      reader.fail("element " + printable(element.name), fmt::format("{} bytes of text", text.size()),
                  fmt::format("{} rows", element.count), "the file is cut short: fetch it again");
    converted_[i].resize(element.count * element.stride);
    for (uint64_t row = 0; row < element.count; ++row) {
      for (const Property& property : element.properties) {
        text.remove_prefix(std::min(text.find_first_not_of(kBlank), text.size()));
        const std::string_view word = text.substr(0, text.find_first_of(kBlank));
        store(word, property, converted_[i].data() + row * element.stride, reader);
        text.remove_prefix(word.size());
      }
    }
    element.rows = converted_[i];
  }
}

PlyFile PlyFile::parse(std::span<const std::byte> bytes, const std::string& name) {
  ByteReader reader(bytes, "read a PLY file", name);
  if (!is_ply(bytes)) reader.fail("magic", "another kind of file", "the line \"ply\"");
  take_line(reader);
  PlyFile file;
  file.read_header(reader);
  if (file.encoding_ == Encoding::kAscii) {
    file.read_ascii_rows(reader);
    return file;
  }
  for (Element& element : file.elements_) {
    const std::string field = "element " + printable(element.name);
    if (element.stride == 0) continue;
    reader.need_count(element.count, element.stride, field);
    element.rows = reader.take(element.count * element.stride, field);
  }
  return file;
}

template <class T>
void PlyFile::read_rows(const Element& element, std::span<const Property* const> columns, uint64_t first,
                        std::span<T> out) const {
  const bool swapped = encoding_ == Encoding::kBig;
  for (size_t row = 0; row < out.size() / columns.size(); ++row) {
    const std::byte* data = element.rows.data() + (first + row) * element.stride;
    T* values = out.data() + row * columns.size();
    for (size_t i = 0; i < columns.size(); ++i) {
      with_type(columns[i]->type, [&](auto zero) {
        values[i] = static_cast<T>(load<decltype(zero)>(data + columns[i]->offset, swapped));
      });
    }
  }
}

void PlyFile::read(const Element& element, std::span<const Property* const> columns, uint64_t first,
                   std::span<float> out) const {
  read_rows(element, columns, first, out);
}

void PlyFile::read(const Element& element, std::span<const Property* const> columns, uint64_t first,
                   std::span<uint32_t> out) const {
  read_rows(element, columns, first, out);
}

}  // namespace orrery::formats
