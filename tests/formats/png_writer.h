// PNG files of known pixels, without compression.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace orrery::formats {

namespace png_detail {

inline std::string big_endian(uint32_t value) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(value >> shift);
  return bytes;
}

inline uint32_t crc32(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

inline std::string chunk(const std::string& kind, const std::string& data) {
  return big_endian(static_cast<uint32_t>(data.size())) + kind + data + big_endian(crc32(kind + data));
}

/// A zlib stream of stored blocks (RFC 1950, 1951).
inline std::string stored(const std::string& data) {
  constexpr size_t kBlock = 65535;
  std::string out = "\x78\x01";
  uint32_t a = 1, b = 0;
  for (const char byte : data) {
    a = (a + static_cast<uint8_t>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  for (size_t at = 0; at < data.size(); at += kBlock) {
    const std::string part = data.substr(at, kBlock);
    const auto size = static_cast<uint16_t>(part.size()), inverse = static_cast<uint16_t>(~size);
    out += at + kBlock >= data.size() ? '\1' : '\0';
    for (const uint16_t number : {size, inverse}) {
      out += static_cast<char>(number & 0xFF);
      out += static_cast<char>(number >> 8);
    }
    out += part;
  }
  return out + big_endian(b << 16 | a);
}

}  // namespace png_detail

/// pixels [height, width, channels] of 8 bits; channels 1 (grey), 3 (RGB) or 4 (RGBA).
inline std::string png_file(int width, int height, int channels, std::string_view pixels) {
  const size_t row = static_cast<size_t>(width) * static_cast<size_t>(channels);
  std::string rows;
  for (int y = 0; y < height; ++y) {
    rows += '\0';  // no filter
    rows += pixels.substr(static_cast<size_t>(y) * row, row);
  }
  const char colour_type = channels == 1 ? 0 : channels == 3 ? 2 : 6;
  const std::string header = png_detail::big_endian(static_cast<uint32_t>(width)) +
                             png_detail::big_endian(static_cast<uint32_t>(height)) + '\x08' + colour_type +
                             std::string(3, '\0');
  return "\x89PNG\r\n\x1A\n" + png_detail::chunk("IHDR", header) + png_detail::chunk("IDAT", png_detail::stored(rows)) +
         png_detail::chunk("IEND", "");
}

}  // namespace orrery::formats
