// Zstandard frames (RFC 8878), by libzstd: whole streams of a known length.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace orrery::formats {

/// Fills `out` with what `bytes`, one frame, hold. Throws Error naming `where` when that is damaged or of another
/// length.
void zstd_decompress(std::span<const std::byte> bytes, std::span<std::byte> out, const std::string& where);

/// One frame.
std::vector<std::byte> zstd_compress(std::span<const std::byte> bytes);

}  // namespace orrery::formats
