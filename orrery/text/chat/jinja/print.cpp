// str() and repr().
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

void append_escaped(std::string& out, char32_t c, char quote) {
  if (c == static_cast<char32_t>(quote) || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (c == '\t') {
    out += "\\t";
  } else if (is_printable(c)) {
    append_code_point(out, c);
  } else {
    char buffer[12];
    const char* format = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
    out.append(buffer, std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c)));
  }
}

void append_items(TextBuilder& out, const std::vector<Value>& items) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.append(", ");
    append_repr(out, items[i]);
  }
}

void append_dict(TextBuilder& out, const Dict& dict) {
  out.append('{');
  bool first = true;
  for (const auto& [key, value] : dict.items()) {
    if (!first) out.append(", ");
    first = false;
    append_repr(out, key);
    out.append(": ");
    append_repr(out, value);
  }
  out.append('}');
}

}  // namespace

std::string repr_of_real(double d) {
  if (std::isnan(d)) return "nan";
  if (std::isinf(d)) return d < 0 ? "-inf" : "inf";
  char buffer[32];  // -d.ddddddddddddddddde-ddd
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, d, std::chars_format::scientific).ptr;
  std::string_view text(buffer, end - buffer);
  std::string out;
  if (text.front() == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  const size_t e = text.find('e');
  int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  std::string digits(text.substr(0, e));
  std::erase(digits, '.');
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    const int magnitude = std::abs(exponent);
    return out + (exponent < 0 ? "e-" : "e+") + (magnitude < 10 ? "0" : "") + std::to_string(magnitude);
  }
  if (exponent < 0) return out + "0." + std::string(-exponent - 1, '0') + digits;
  if (count <= exponent + 1) return out + digits + std::string(exponent + 1 - count, '0') + ".0";
  return out + digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
}

std::string repr_of_text(std::string_view text) {
  const bool has_single = text.find('\'') != text.npos, has_double = text.find('"') != text.npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (size_t pos = 0; pos < text.size();) append_escaped(out, next_code_point(text, pos), quote);
  return out += quote;
}

void append_repr(TextBuilder& out, const Value& value) {
  if (value.is_text()) {
    Budget::current().slow_work(static_cast<int64_t>(value.bytes().size()));
    const std::string quoted = repr_of_text(value.bytes());
    out.append(value.is_markup() ? "Markup(" + quoted + ")" : quoted);
  } else if (value.is_sequence()) {
    out.append(value.is_list() ? '[' : '(');
    append_items(out, value.items());
    if (value.is_tuple() && value.items().size() == 1) out.append(',');
    out.append(value.is_list() ? ']' : ')');
  } else if (value.is_dict()) {
    append_dict(out, value.dict());
  } else if (value.is_undefined()) {
    out.append("Undefined");
  } else if (value.is_object()) {
    Nesting level;
    out.append(value.object().repr());
  } else {
    append_text(out, value);
  }
}

void append_text(TextBuilder& out, const Value& value) {
  if (value.is_text())
    out.append(value.bytes());
  else if (value.is_none())
    out.append("None");
  else if (value.is_bool())
    out.append(value.boolean() ? "True" : "False");
  else if (value.is_int())
    out.append(std::to_string(value.integer()));
  else if (value.is_real())
    out.append(repr_of_real(value.real()));
  else if (!value.is_undefined())
    append_repr(out, value);
}

std::string to_text(const Value& value) {
  if (value.is_text()) return value.bytes();
  TextBuilder out;
  append_text(out, value);
  return out.take();
}

std::string repr(const Value& value) {
  TextBuilder out;
  append_repr(out, value);
  return out.take();
}

std::string repr_of_dict(const Dict& dict) {
  TextBuilder out;
  append_dict(out, dict);
  return out.take();
}

Value soft_text(const Value& value) { return value.is_text() ? value : Value::text(to_text(value)); }

}  // namespace orrery::text::jinja
