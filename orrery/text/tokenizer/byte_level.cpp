#include "orrery/text/tokenizer/byte_level.h"

#include <array>

#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {

namespace {

constexpr int kOthers = 0x144;  // one past the last stand-in

struct Tables {
  std::array<uint16_t, 256> character = {};
  std::array<int16_t, kOthers> byte = {};
};

constexpr Tables make_tables() {
  Tables tables;
  for (auto& byte : tables.byte) byte = -1;
  uint16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    const uint16_t character = printable ? static_cast<uint16_t>(byte) : next++;
    tables.character[byte] = character;
    tables.byte[character] = static_cast<int16_t>(byte);
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

char32_t byte_level_character(unsigned char byte) { return kTables.character[byte]; }

int byte_level_byte(char32_t code) { return code < kOthers ? kTables.byte[code] : -1; }

void append_byte_level(std::string& out, std::string_view bytes) {
  out.reserve(out.size() + bytes.size() * 3 / 2);
  for (char byte : bytes) append_utf8(out, kTables.character[static_cast<unsigned char>(byte)]);
}

bool append_byte_level_bytes(std::string& out, std::string_view text) {
  const size_t before = out.size();
  for (size_t at = 0; at < text.size();) {
    const Utf8Prefix prefix = utf8_prefix(text.substr(at));
    const int byte =
        prefix.kind == Utf8Prefix::Kind::kCharacter ? byte_level_byte(decode_utf8(text.data() + at).code) : -1;
    if (byte < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(byte));
    at += prefix.length;
  }
  return true;
}

}  // namespace orrery::text
