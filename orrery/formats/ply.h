// PLY files (Turk 1994, "The PLY Polygon File Format"): a header of text that names elements and their properties, then
// their rows.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/dtype.h"
#include "orrery/formats/bytes.h"

namespace orrery::formats {

/// A parsed header and where the rows lie. Binary rows are read in place.
class PlyFile {
 public:
  struct Property {
    std::string name;
    DType type = DType::kF32;  ///< kI8 to kU32, kF32, kF64
    uint64_t offset = 0;       ///< in a row, bytes
  };
  struct Element {
    std::string name;
    uint64_t count = 0, stride = 0;
    std::vector<Property> properties;
    std::span<const std::byte> rows;  ///< [count, stride]

    const Property* find(std::string_view property) const;
  };

  /// True when the bytes begin as a PLY file does.
  static bool is_ply(std::span<const std::byte> bytes);

  /// Binary of either byte order, and ASCII. An element with a list property (faces), and what stands behind it, is
  /// left out. Throws Error naming the file and the field: a header that does not end within 1 MiB, unknown types,
  /// names twice, rows past the end, numbers that are none. `bytes` must outlive the result.
  static PlyFile parse(std::span<const std::byte> bytes, const std::string& name);

  const std::vector<Element>& elements() const { return elements_; }
  const Element* find(std::string_view name) const;
  /// What stands behind "comment " and "obj_info ", in order.
  const std::vector<std::string>& comments() const { return comments_; }

  /// Fills out [rows, columns] from row `first` on with those properties, as floats.
  void read(const Element& element, std::span<const Property* const> columns, uint64_t first,
            std::span<float> out) const;
  /// The same of unsigned integers; the properties are of type kU8, kU16 or kU32.
  void read(const Element& element, std::span<const Property* const> columns, uint64_t first,
            std::span<uint32_t> out) const;

 private:
  enum class Encoding { kAscii, kLittle, kBig };

  void read_header(ByteReader& reader);
  void read_ascii_rows(ByteReader& reader);
  template <class T>
  void read_rows(const Element& element, std::span<const Property* const> columns, uint64_t first,
                 std::span<T> out) const;

  Encoding encoding_ = Encoding::kLittle;
  std::vector<Element> elements_;
  std::vector<std::string> comments_;
  std::vector<std::vector<std::byte>> converted_;  // the rows of an ASCII file, each element's
};

}  // namespace orrery::formats
