#include "orrery/text/tokenizer/decoder.h"

#include "orrery/text/tokenizer/byte_level.h"
#include "orrery/text/tokenizer/rewrite.h"

namespace orrery::text {

int fallback_byte(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
  int value = 0;
  for (char c : piece.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

std::string TokenBytes::bytes(std::string_view piece) const {
  std::string out;
  if (byte_level) {
    if (!append_byte_level_bytes(out, piece)) out = piece;
    return out;
  }
  if (const int byte = byte_fallback ? fallback_byte(piece) : -1; byte >= 0)
    return std::string(1, static_cast<char>(byte));
  out = piece;
  for (const auto& [from, to] : replace) {
    replace_all(out, from, to);
    check_growth(piece.size(), out.size(), "decoder");
  }
  if (space_before) {
    if (!continuing_prefix.empty() && out.starts_with(continuing_prefix)) {
      out.erase(0, continuing_prefix.size());
    } else {
      out.insert(0, 1, ' ');
    }
  }
  return out;
}

}  // namespace orrery::text
