// A zip archive of stored entries (PKWARE's APPNOTE.TXT 6.3, without zip64), for formats whose entries are compressed
// already.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "orrery/base/file.h"

namespace orrery::formats {

/// Writes one archive, wholly or not at all.
class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path) : path_(path), file_(path) {}

  /// Throws Error when the archive would pass 4 GiB.
  void add(const std::string& name, std::span<const std::byte> bytes);
  void commit();

 private:
  std::filesystem::path path_;
  AtomicFile file_;
  std::string directory_;
  uint16_t entries_ = 0;
};

}  // namespace orrery::formats
