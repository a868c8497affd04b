// The directory of a zip archive (PKWARE's APPNOTE.TXT 6.3, zip64 included), for formats that keep their entries
// uncompressed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/formats/bytes.h"

namespace orrery::formats {

/// Names and places; nothing is copied, and nothing is checked by CRC.
class ZipReader {
 public:
  /// True when the bytes begin as a zip archive does.
  static bool is_zip(std::span<const std::byte> bytes);

  /// Throws Error through `reader` (which sees the whole file): no directory, entries past the end, a name twice.
  explicit ZipReader(const ByteReader& reader);

  struct Entry {
    std::string_view name;
    uint64_t header = 0, size = 0;
    uint16_t method = 0, flags = 0;
  };
  /// Sorted by name.
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(std::string_view name) const;
  /// Throws Error when the entry is compressed, encrypted, or not wholly in the file.
  std::span<const std::byte> bytes(const Entry& entry) const;

 private:
  void read_directory(uint64_t count, uint64_t size, uint64_t offset);
  void read_zip64(std::span<const std::byte> extra, uint64_t stored, Entry& entry, const std::string& field) const;

  ByteReader reader_;
  std::vector<Entry> entries_;
};

}  // namespace orrery::formats
