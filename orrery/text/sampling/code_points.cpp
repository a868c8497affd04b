#include <algorithm>

#include "orrery/text/sampling/gbnf.h"

namespace orrery::text {

namespace {

constexpr uint32_t kLast = 0x10FFFF, kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF;

}  // namespace

// Strict: no overlong forms, no surrogates (Unicode 15, table 3-7).
uint32_t read_code_point(std::string_view text, size_t& position) {
  const auto byte = [&](size_t i) { return i < text.size() ? uint8_t(text[i]) : uint8_t(0); };
  if (position >= text.size()) return UINT32_MAX;
  const uint8_t lead = byte(position);
  if (lead < 0x80) return text[position++];
  const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return UINT32_MAX;
  uint32_t code = lead & (0x7F >> length);
  for (int i = 1; i < length; ++i) {
    if ((byte(position + i) & 0xC0) != 0x80) return UINT32_MAX;
    code = code << 6 | (byte(position + i) & 0x3F);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kLeast[length] || code > kLast || (code >= kFirstSurrogate && code <= kLastSurrogate)) return UINT32_MAX;
  position += length;
  return code;
}

void append_utf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out += char(c);
    return;
  }
  const int extra = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  out += char((0xFF00 >> (extra + 1) & 0xFF) | c >> 6 * extra);
  for (int i = extra - 1; i >= 0; --i) out += char(0x80 | (c >> 6 * i & 0x3F));
}

CodePoints normalized(CodePoints ranges) {
  CodePoints parts;
  for (auto [low, high] : ranges) {
    if (low < kFirstSurrogate) parts.emplace_back(low, std::min(high, kFirstSurrogate - 1));
    if (high > kLastSurrogate) parts.emplace_back(std::max(low, kLastSurrogate + 1), std::min(high, kLast));
  }
  std::sort(parts.begin(), parts.end());
  CodePoints merged;
  for (auto [low, high] : parts) {
    if (!merged.empty() && low <= merged.back().second + 1)
      merged.back().second = std::max(merged.back().second, high);
    else
      merged.emplace_back(low, high);
  }
  return merged;
}

CodePoints complement(const CodePoints& ranges) {
  CodePoints rest;
  uint32_t next = 0;
  for (auto [low, high] : normalized(ranges)) {
    if (low > next) rest.emplace_back(next, low - 1);
    next = high + 1;
  }
  if (next <= kLast) rest.emplace_back(next, kLast);
  return normalized(rest);
}

}  // namespace orrery::text
