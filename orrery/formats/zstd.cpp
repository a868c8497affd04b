#include "orrery/formats/zstd.h"

#include <fmt/format.h>
#include <zstd.h>

#include <new>

#include "orrery/base/error.h"

namespace orrery::formats {

void zstd_decompress(std::span<const std::byte> bytes, std::span<std::byte> out, const std::string& where) {
  const size_t size = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (!ZSTD_isError(size) && size == out.size()) return;
  throw Error({.doing = "read a zstd stream",
               .where = where,
               .found = ZSTD_isError(size) ? fmt::format("damage ({})", ZSTD_getErrorName(size))
                                           : fmt::format("{} bytes inside", size),
               .expected = fmt::format("{} bytes", out.size()),
               .advice = "the file is damaged: fetch it again"});
}

std::vector<std::byte> zstd_compress(std::span<const std::byte> bytes) {
  constexpr int kLevel = 12;  // files are read more often than written
  std::vector<std::byte> out(ZSTD_compressBound(bytes.size()));
  const size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size)) throw std::bad_alloc();  // the only reason there is, given room enough
  out.resize(size);
  return out;
}

}  // namespace orrery::formats
