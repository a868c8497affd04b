#include "orrery/text/documents/plain_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "orrery/base/error.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {
namespace {

// Windows-1252's 0x80 to 0x9F (WHATWG Encoding, index-windows-1252); the rest is Latin-1.
constexpr std::array<char16_t, 32> kWindows1252 = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                   0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                                   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                   0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

std::string from_windows_1252(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    append_utf8(text, byte >= 0x80 && byte < 0xA0 ? kWindows1252[byte - 0x80U] : byte);
  }
  return text;
}

std::string from_utf16(std::string_view bytes, bool big_endian) {
  const auto unit = [&](size_t i) -> char32_t {
    const auto a = static_cast<uint8_t>(bytes[i]), b = static_cast<uint8_t>(bytes[i + 1]);
    return big_endian ? a << 8 | b : b << 8 | a;
  };
  std::string text;
  text.reserve(bytes.size());
  size_t i = 0;
  while (i + 1 < bytes.size()) {
    const char32_t first = unit(i);
    i += 2;
    if (first < 0xD800 || first > 0xDFFF) {
      append_utf8(text, first);
      continue;
    }
    const char32_t second = first < 0xDC00 && i + 1 < bytes.size() ? unit(i) : 0;
    if (second < 0xDC00 || second > 0xDFFF) {
      text += kReplacementCharacter;
      continue;
    }
    append_utf8(text, 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00));
    i += 2;
  }
  if (i < bytes.size()) text += kReplacementCharacter;
  return text;
}

// What a file begins with that people may take for a document, and what to do with it instead.
struct Kind {
  std::string_view magic, what, advice;
};
using namespace std::string_view_literals;
constexpr Kind kKinds[] = {
    {"PK\3\4"sv, "a ZIP archive (a .docx, .odt, .epub or the like)", "save it as PDF, HTML or plain text"},
    {"\xD0\xCF\x11\xE0"sv, "an old Office file", "save it as PDF, HTML or plain text"},
    {"\x89PNG"sv, "a PNG picture", "pictures are for --image"},
    {"\xFF\xD8\xFF"sv, "a JPEG picture", "pictures are for --image"},
    {"GGUF"sv, "a GGUF model", "the model is the first argument"},
    {"\x1F\x8B"sv, "a gzip archive", "unpack it first"},
    {"\x7F"
     "ELF"sv,
     "a program", ""},
};

}  // namespace

Charset guess_charset(std::string_view bytes) {
  if (bytes.starts_with("\xEF\xBB\xBF")) return Charset::kUtf8;
  if (bytes.starts_with("\xFF\xFE")) return Charset::kUtf16Le;
  if (bytes.starts_with("\xFE\xFF")) return Charset::kUtf16Be;
  // A UTF-8 file that somebody damaged, or one of the many old files: in the latter a byte above 0x7F hardly ever
  // begins a well-formed character.
  size_t good = 0, bad = 0;
  while (!bytes.empty()) {
    const Utf8Prefix prefix = utf8_prefix(bytes);
    const bool is_character = prefix.kind == Utf8Prefix::Kind::kCharacter;
    good += is_character && prefix.length > 1;
    bad += !is_character;
    bytes.remove_prefix(prefix.length);
  }
  return bad <= good ? Charset::kUtf8 : Charset::kWindows1252;
}

std::string to_utf8(std::string_view bytes, Charset charset) {
  switch (charset) {
    case Charset::kUtf8:
      return repair_utf8(bytes.starts_with("\xEF\xBB\xBF") ? bytes.substr(3) : bytes);
    case Charset::kUtf16Le:
      return from_utf16(bytes.starts_with("\xFF\xFE") ? bytes.substr(2) : bytes, false);
    case Charset::kUtf16Be:
      return from_utf16(bytes.starts_with("\xFE\xFF") ? bytes.substr(2) : bytes, true);
    case Charset::kWindows1252:
      break;
  }
  return from_windows_1252(bytes);
}

void refuse_binary(std::string_view bytes, Charset charset, const std::string& name) {
  const auto refuse = [&](std::string_view what, std::string_view advice) {
    throw Error({.doing = "read a document",
                 .where = name,
                 .found = std::string(what),
                 .expected = "text, HTML or PDF",
                 .advice = std::string(advice)});
  };
  for (const Kind& kind : kKinds)
    if (bytes.starts_with(kind.magic)) refuse(kind.what, kind.advice);
  if (bytes.starts_with("RIFF") && bytes.substr(0, 12).ends_with("WEBP"))
    refuse("a WebP picture", "pictures are for --image");
  if (charset == Charset::kUtf16Le || charset == Charset::kUtf16Be) return;
  if (bytes.find('\0') != bytes.npos)
    refuse("binary data (a zero byte)",
           "where it is UTF-16 without a byte order mark, turn it into UTF-8 first (iconv)");
  const auto control = std::ranges::count_if(bytes, [](char c) {
    return static_cast<uint8_t>(c) < 0x20 && std::string_view("\t\n\r\f\v\b\x1b").find(c) == std::string_view::npos;
  });
  if (static_cast<size_t>(control) * 20 > bytes.size()) refuse("binary data (control characters)", "");
}

std::string plain_text(std::string_view bytes, const std::string& name) {
  const Charset charset = guess_charset(bytes);
  refuse_binary(bytes, charset, name);
  return to_utf8(bytes, charset);
}

}  // namespace orrery::text
