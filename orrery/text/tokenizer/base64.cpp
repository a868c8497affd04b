#include "orrery/text/tokenizer/base64.h"

#include <cstdint>

#include "orrery/base/error.h"

namespace orrery::text {

std::string decode_base64(std::string_view text, const std::string& where) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int count = 0;
  for (char c : text) {
    if (c == '=' || c == '\n' || c == '\r') continue;
    const size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) {
      throw Error(
          {.doing = "decode base64", .where = where, .found = std::string("the character ") + c, .expected = "base64"});
    }
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

}  // namespace orrery::text
