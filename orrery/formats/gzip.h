// gzip files (RFC 1952), as data sets and splats are passed on: inflated piece by piece, by zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct z_stream_s;

namespace orrery::formats {

/// True when the bytes begin as a gzip file does.
bool is_gzip(std::span<const std::byte> bytes);

struct GzipOptions {
  /// A file that grows beyond this is refused while it does, because 1 KB can stand for 1 MB: what still fits a
  /// laptop's memory as records.
  int64_t max_bytes = int64_t{8} << 30;
};

/// Inflates a file of one member or several, padded with zeros or not. Some 40 KB of memory, whatever the file's size.
class GzipReader {
 public:
  /// `bytes` have to outlive the reader; `name` is what messages call them.
  GzipReader(std::span<const std::byte> bytes, std::string name, const GzipOptions& options = {});
  ~GzipReader();

  /// Fills `out`, which is not empty, as far as the file goes, and says how far that was: 0 at its end. Throws Error
  /// naming the file where it is no gzip file, cut short, damaged (a member's CRC and length are compared at its end),
  /// or grows beyond the limit.
  size_t read(std::span<std::byte> out);
  /// Bytes of the file that have been read.
  size_t position() const { return bytes_.size() - rest_.size(); }

 private:
  void inflate_some();
  void begin_member();
  [[noreturn]] void refuse(std::string found, std::string expected, std::string advice = "") const;

  const std::span<const std::byte> bytes_;
  const std::string name_;
  const GzipOptions options_;
  std::span<const std::byte> rest_;
  std::unique_ptr<z_stream_s, void (*)(z_stream_s*)> stream_;
  bool in_member_ = false;
  int64_t total_ = 0;  // inflated so far
};

/// One member, without a name or a time: the same bytes give the same file.
std::vector<std::byte> gzip_compress(std::span<const std::byte> bytes);

}  // namespace orrery::formats
