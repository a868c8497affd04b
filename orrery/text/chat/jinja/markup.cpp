#include "orrery/text/chat/jinja/markup.h"

#include <charconv>

#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

struct Entity {
  std::string_view name, text;
};
constexpr Entity kEntities[] = {{"amp;", "&"},         {"lt;", "<"},         {"gt;", ">"},         {"quot;", "\""},
                                {"apos;", "'"},        {"nbsp;", "\u00a0"},  {"amp", "&"},         {"lt", "<"},
                                {"gt", ">"},           {"quot", "\""},       {"copy;", "\u00a9"},  {"reg;", "\u00ae"},
                                {"hellip;", "\u2026"}, {"mdash;", "\u2014"}, {"ndash;", "\u2013"}, {"laquo;", "\u00ab"},
                                {"raquo;", "\u00bb"},  {"euro;", "\u20ac"}};

// "#39;" or "#x27;", the semicolon optional. Returns the bytes read, 0 when it is no reference.
size_t numeric_entity(std::string_view text, std::string& out) {
  if (text.size() < 2 || text[0] != '#') return 0;
  const bool hex = text[1] == 'x' || text[1] == 'X';
  const char* begin = text.data() + (hex ? 2 : 1);
  uint32_t c = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), c, hex ? 16 : 10);
  if (end == begin) return 0;
  const bool valid = error == std::errc() && c != 0 && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
  append_code_point(out, valid ? static_cast<char32_t>(c) : 0xFFFD);
  const size_t read = end - text.data();
  return read + (read < text.size() && text[read] == ';');
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  Budget::current().work(static_cast<int64_t>(text.size()));
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string escaped(const Value& value) { return value.is_markup() ? value.bytes() : escape_html(to_text(value)); }

std::string unescape_html(std::string_view text) {
  std::string out;
  for (size_t pos = 0; pos < text.size();) {
    if (text[pos] != '&') {
      out += text[pos++];
      continue;
    }
    const std::string_view rest = text.substr(pos + 1);
    size_t read = numeric_entity(rest, out);
    for (const Entity& entity : kEntities) {
      if (read > 0 || !rest.starts_with(entity.name)) continue;
      out += entity.text;
      read = entity.name.size();
    }
    if (read == 0) out += '&';
    pos += 1 + read;
  }
  return out;
}

Value strip_tags(const Value& text) {
  const std::string_view bytes = text.bytes();
  TextBuilder kept;
  size_t pos = 0;
  for (size_t start = bytes.find('<'); start != bytes.npos; start = bytes.find('<', pos)) {
    const bool comment = bytes.substr(start).starts_with("<!--");
    const size_t end = comment ? bytes.find("-->", start + 4) : bytes.find('>', start);
    if (end == bytes.npos) break;
    kept.append(bytes.substr(pos, start - pos));
    pos = end + (comment ? 3 : 1);
  }
  kept.append(bytes.substr(pos));
  TextBuilder out;
  for (const Value& word : split_words(Value::text(kept.take()), -1)) {
    if (out.size() > 0) out.append(' ');
    out.append(word.bytes());
  }
  return Value::text(unescape_html(out.take()));
}

}  // namespace orrery::text::jinja
