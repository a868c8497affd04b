#include "orrery/formats/bytes.h"

#include <fmt/format.h>

#include "orrery/base/error.h"

namespace orrery::formats {

std::string printable(std::string_view text) {
  constexpr size_t kLongest = 80;
  std::string out = "\"";
  for (const char c : text.substr(0, kLongest)) {
    if (c >= 0x20 && c < 0x7f) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out + (text.size() > kLongest ? "…\"" : "\"");
}

std::optional<int64_t> checked_elements(std::span<const int64_t> shape) {
  int64_t product = 1;
  bool empty = false;
  for (const int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    empty |= extent == 0;
    if (__builtin_mul_overflow(product, extent == 0 ? 1 : extent, &product)) return std::nullopt;
  }
  return empty ? 0 : product;
}

std::optional<int64_t> checked_bytes(DType dtype, std::span<const int64_t> shape) {
  const std::optional<int64_t> elements = checked_elements(shape);
  if (!elements) return std::nullopt;
  const DTypeInfo& type = info(dtype);
  const int64_t cols = shape.empty() ? 1 : shape.back();
  if (cols % type.block_elements != 0) return std::nullopt;
  int64_t bytes = 0;
  if (__builtin_mul_overflow(*elements / type.block_elements, type.block_bytes, &bytes)) return std::nullopt;
  return bytes;
}

void ByteReader::seek(uint64_t position, std::string_view field) {
  if (position > bytes_.size()) {
    fail(field, fmt::format("position {}", position), fmt::format("a place inside the {} bytes", bytes_.size()));
  }
  position_ = position;
}

void ByteReader::fail(std::string_view field, std::string found, std::string expected, std::string advice) const {
  throw Error({.doing = doing_,
               .where = fmt::format("{}, {}", where_, field),
               .found = std::move(found),
               .expected = std::move(expected),
               .advice = std::move(advice)});
}

void ByteReader::fail_budget(std::string_view field) const {
  fail(field, "more than a file of this size can need", "less", "the file is damaged or hostile");
}

void ByteReader::fail_short(uint64_t count, uint64_t each, std::string_view field) const {
  const std::string wanted = each == 1 ? fmt::format("{} bytes", count) : fmt::format("{} × {} bytes", count, each);
  fail(field, fmt::format("{} bytes left at {}", remaining(), position_), wanted,
       "the file is cut short or damaged: fetch it again");
}

}  // namespace orrery::formats
