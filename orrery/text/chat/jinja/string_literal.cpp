#include "orrery/text/chat/jinja/string_literal.h"

#include <cstdio>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 99;
}

void append_checked(std::string& out, char32_t c) {
  if (c > 0x10FFFF) throw Failure("illegal Unicode character");
  if (c >= 0xD800 && c <= 0xDFFF)
    throw Failure("a text literal with half a surrogate pair, which cannot be written as UTF-8");
  append_code_point(out, c);
}

// Up to `count` digits of the base; `exactly` demands all of them.
char32_t read_digits(std::string_view text, size_t& pos, int base, int count, bool exactly) {
  char32_t value = 0;
  int read = 0;
  for (; read < count && pos < text.size() && digit_value(text[pos]) < base; ++read)
    value = value * base + digit_value(text[pos++]);
  if (exactly && read < count)
    throw Failure("truncated \\" + std::string(count == 2 ? "xXX" : count == 4 ? "uXXXX" : "UXXXXXXXX") + " escape");
  return value;
}

// A backslash before a character outside of ASCII: that character has become an escape, whose own backslash is now
// escaped.
void append_spelled_out(std::string& out, char32_t c) {
  char buffer[12];
  const char* format = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
  out.append(buffer, std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c)));
}

void append_escape(std::string& out, std::string_view text, size_t& pos) {
  const char c = text[pos];
  switch (c) {
    case '\n':
      ++pos;
      return;
    case '\\':
    case '\'':
    case '"':
      out += c;
      ++pos;
      return;
    case 'a':
      out += '\a';
      ++pos;
      return;
    case 'b':
      out += '\b';
      ++pos;
      return;
    case 'f':
      out += '\f';
      ++pos;
      return;
    case 'n':
      out += '\n';
      ++pos;
      return;
    case 'r':
      out += '\r';
      ++pos;
      return;
    case 't':
      out += '\t';
      ++pos;
      return;
    case 'v':
      out += '\v';
      ++pos;
      return;
    case 'x':
      return append_checked(out, read_digits(text, ++pos, 16, 2, true));
    case 'u':
      return append_checked(out, read_digits(text, ++pos, 16, 4, true));
    case 'U':
      return append_checked(out, read_digits(text, ++pos, 16, 8, true));
    case 'N':
      throw Failure("escapes with character names (\\N{…}) are not supported");
    default:
      break;
  }
  if (c >= '0' && c <= '7') return append_checked(out, read_digits(text, pos, 8, 3, false));
  const char32_t other = next_code_point(text, pos);
  if (other >= 0x80) return append_spelled_out(out, other);
  out += '\\';
  out += c;
}

}  // namespace

std::string unescape_literal(std::string_view literal) {
  std::string out;
  out.reserve(literal.size());
  for (size_t pos = 0; pos < literal.size();) {
    if (literal[pos] == '\\' && pos + 1 < literal.size())
      append_escape(out, literal, ++pos);
    else
      out += literal[pos++];
  }
  return out;
}

}  // namespace orrery::text::jinja
