#include "orrery/text/tokenizer/base64.h"

#include <array>
#include <cstdint>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto kDigits = [] {  // 64: none
  std::array<uint8_t, 256> digits{};
  digits.fill(64);
  for (size_t i = 0; i < kAlphabet.size(); ++i) digits[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return digits;
}();

}  // namespace

std::string decode_base64(std::string_view text, const std::string& where) {
  const auto refuse = [&](std::string found) {
    throw Error({.doing = "decode base64", .where = where, .found = std::move(found), .expected = "base64"});
  };
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int count = 0;
  bool padded = false;
  for (char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      padded = true;
      continue;
    }
    const uint8_t digit = kDigits[static_cast<uint8_t>(c)];
    if (digit == 64) refuse(std::string("the character ") + c);
    if (padded) refuse("more behind its end (=)");
    bits = bits << 6 | digit;
    if ((count += 6) < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  if (count == 6) refuse("a text that is cut off");
  return bytes;
}

}  // namespace orrery::text
