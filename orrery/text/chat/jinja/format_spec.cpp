// The format specification mini-language: [[fill]align][sign][z][#][0][width][grouping][.precision][type].
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/format.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

struct Spec {
  std::string fill = " ";
  char align = 0;  // < > = ^, 0 when not given
  char sign = '-';
  bool alternate = false;
  int64_t width = 0;
  char grouping = 0;
  int64_t precision = -1;
  char type = 0;
};

bool is_align(char c) { return c == '<' || c == '>' || c == '=' || c == '^'; }

int64_t parse_count(std::string_view spec, size_t& pos, const char* what) {
  int64_t count = -1;
  const auto [end, error] = std::from_chars(spec.data() + pos, spec.data() + spec.size(), count);
  if (error == std::errc::result_out_of_range) throw Failure("Too many decimal digits in format string");
  if (error != std::errc()) throw Failure(what);
  pos = end - spec.data();
  Budget::current().text(count);
  return count;
}

Spec parse_spec(std::string_view spec, const std::string& type_name) {
  Spec out;
  size_t pos = 0;
  const auto at = [&](size_t i) { return i < spec.size() ? spec[i] : '\0'; };
  if (!spec.empty()) {
    size_t after_fill = 0;
    next_code_point(spec, after_fill);
    if (is_align(at(after_fill))) {
      out.fill = std::string(spec.substr(0, after_fill));
      out.align = spec[after_fill];
      pos = after_fill + 1;
    } else if (is_align(at(0))) {
      out.align = spec[pos++];
    }
  }
  if (at(pos) == '+' || at(pos) == '-' || at(pos) == ' ') out.sign = spec[pos++];
  if (at(pos) == '#') out.alternate = true, ++pos;
  if (at(pos) == '0' && out.align == 0) {
    out.fill = "0";
    out.align = '=';
    ++pos;
  } else if (at(pos) == '0' && out.fill == " ") {
    out.fill = "0";
    ++pos;
  }
  if (at(pos) >= '0' && at(pos) <= '9') out.width = parse_count(spec, pos, "Invalid format specifier");
  if (at(pos) == ',' || at(pos) == '_') out.grouping = spec[pos++];
  if (at(pos) == '.') out.precision = parse_count(spec, ++pos, "Format specifier missing precision");
  if (pos < spec.size()) out.type = spec[pos++];
  if (pos < spec.size())
    throw Failure("Invalid format specifier '" + std::string(spec) + "' for object of type '" + type_name + "'");
  return out;
}

[[noreturn]] void unknown_code(char type, const std::string& type_name) {
  throw Failure(std::string("Unknown format code '") + type + "' for object of type '" + type_name + "'");
}

std::string padding(const std::string& fill, int64_t count) {
  std::string out;
  Budget::current().text(std::max<int64_t>(count, 0) * static_cast<int64_t>(fill.size()));
  for (int64_t i = 0; i < count; ++i) out += fill;
  return out;
}

std::string pad(const Spec& spec, const std::string& prefix, const std::string& body, char default_align) {
  const int64_t missing = spec.width - count_code_points(prefix) - count_code_points(body);
  if (missing <= 0) return prefix + body;
  switch (spec.align != 0 ? spec.align : default_align) {
    case '<':
      return prefix + body + padding(spec.fill, missing);
    case '^':
      return padding(spec.fill, missing / 2) + prefix + body + padding(spec.fill, missing - missing / 2);
    case '=':
      return prefix + padding(spec.fill, missing) + body;
    default:
      return padding(spec.fill, missing) + prefix + body;
  }
}

// Separators from the right; with zero padding the zeros are grouped too, so that at least `min_width` characters
// result.
std::string group_digits(std::string digits, char separator, size_t group, int64_t min_width) {
  const auto grouped_size = [&](size_t n) { return static_cast<int64_t>(n + (n - 1) / group); };
  while (grouped_size(digits.size()) < min_width) digits.insert(digits.begin(), '0');
  for (size_t i = digits.size(); i > group; i -= group) digits.insert(i - group, 1, separator);
  return digits;
}

std::string sign_of(const Spec& spec, bool negative) {
  if (negative) return "-";
  return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

std::string finish_number(const Spec& spec, const std::string& prefix, std::string digits, const std::string& tail,
                          size_t group) {
  if (spec.grouping != 0) {
    const bool zeros = spec.align == '=' && spec.fill == "0";
    const int64_t rest = static_cast<int64_t>(prefix.size() + tail.size());
    digits = group_digits(std::move(digits), spec.grouping, group, zeros ? spec.width - rest : 0);
  }
  return pad(spec, prefix, digits + tail, '>');
}

std::string format_text(const std::string& text, const Spec& spec, const std::string& type_name) {
  if (spec.type != 0 && spec.type != 's') unknown_code(spec.type, type_name);
  if (spec.sign != '-') throw Failure("Sign not allowed in string format specifier");
  if (spec.alternate) throw Failure("Alternate form (#) not allowed in string format specifier");
  if (spec.align == '=') throw Failure("'=' alignment not allowed in string format specifier");
  if (spec.grouping != 0) throw Failure(std::string("Cannot specify '") + spec.grouping + "' with 's'.");
  if (spec.precision < 0) return pad(spec, "", text, '<');
  size_t end = 0;
  for (int64_t i = 0; i < spec.precision && end < text.size(); ++i) next_code_point(text, end);
  return pad(spec, "", text.substr(0, end), '<');
}

std::string format_integer(int64_t value, const Spec& spec) {
  if (spec.precision >= 0) throw Failure("Precision not allowed in integer format specifier");
  if (spec.type == 'c') {
    if (spec.sign != '-') throw Failure("Sign not allowed with integer format specifier 'c'");
    if (value < 0 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
      throw Failure("%c arg not in range(0x110000)");
    return pad(spec, "", utf8(static_cast<char32_t>(value)), '<');
  }
  const int base = spec.type == 'b' ? 2 : spec.type == 'o' ? 8 : spec.type == 'x' || spec.type == 'X' ? 16 : 10;
  if (spec.grouping == ',' && base != 10) throw Failure(std::string("Cannot specify ',' with '") + spec.type + "'.");
  const uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string digits = format_magnitude(magnitude, base);
  std::string prefix = sign_of(spec, value < 0);
  if (spec.alternate && base != 10) prefix += std::string("0") + spec.type;
  if (spec.type == 'X') digits = upper(digits);
  return finish_number(spec, prefix, std::move(digits), "", base == 10 ? 3 : 4);
}

// Digits before the point, and the rest (point, fraction, exponent, percent sign).
std::pair<std::string, std::string> split_number(const std::string& text) {
  const size_t end = text.find_first_not_of("0123456789");
  return end == std::string::npos ? std::pair{text, std::string()} : std::pair{text.substr(0, end), text.substr(end)};
}

// No type: like g, but always with a point or an exponent.
std::string general_with_point(double magnitude, int64_t precision) {
  if (!std::isfinite(magnitude)) return format_magnitude(magnitude, 'g', precision, false);
  precision = std::max<int64_t>(precision, 1);
  const std::string scientific = format_magnitude(magnitude, 'e', precision - 1, false);
  const int exponent = std::atoi(scientific.substr(scientific.find('e') + 1).c_str());
  if (exponent >= precision - 1 && exponent >= -4) {
    std::string mantissa = scientific.substr(0, scientific.find('e'));
    if (mantissa.find('.') != std::string::npos) {
      mantissa.erase(mantissa.find_last_not_of('0') + 1);
      if (mantissa.back() == '.') mantissa.pop_back();
    }
    return mantissa + scientific.substr(scientific.find('e'));
  }
  std::string general = format_magnitude(magnitude, 'g', precision, false);
  return general.find_first_of(".e") == std::string::npos ? general + ".0" : general;
}

std::string format_real(double value, const Spec& spec) {
  const bool negative = std::signbit(value) && !std::isnan(value);
  const double magnitude = std::abs(value);
  std::string text;
  switch (spec.type) {
    case 'e':
    case 'f':
    case 'g':
    case 'E':
    case 'F':
    case 'G':
    case 'n': {
      const char style = spec.type == 'n' ? 'g' : static_cast<char>(spec.type | 0x20);
      text = format_magnitude(magnitude, style, spec.precision < 0 ? 6 : spec.precision, spec.alternate);
      if (spec.type >= 'A' && spec.type <= 'Z') text = upper(text);
      break;
    }
    case '%':
      text = format_magnitude(magnitude * 100, 'f', spec.precision < 0 ? 6 : spec.precision, spec.alternate) + "%";
      break;
    case 0:
      text = spec.precision < 0 ? repr_of_real(magnitude) : general_with_point(magnitude, spec.precision);
      break;
    default:
      unknown_code(spec.type, "float");
  }
  auto [digits, tail] = split_number(text);
  if (digits.empty()) return pad(spec, sign_of(spec, negative), tail, '>');  // inf, nan
  return finish_number(spec, sign_of(spec, negative), std::move(digits), tail, 3);
}

}  // namespace

std::string format_magnitude(double magnitude, char style, int64_t precision, bool keep_zeros) {
  if (std::isnan(magnitude)) return "nan";
  if (std::isinf(magnitude)) return "inf";
  constexpr int64_t kLongestWhole = 320;  // digits of the largest double, and signs
  Budget::current().text(precision + kLongestWhole);
  std::string out(precision + kLongestWhole, '\0');
  const std::string format = std::string(keep_zeros ? "%#.*" : "%.*") + style;
  out.resize(std::snprintf(out.data(), out.size(), format.c_str(), static_cast<int>(precision), magnitude));
  return out;
}

std::string format_magnitude(uint64_t magnitude, int base) {
  char buffer[64];
  return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, magnitude, base).ptr);
}

std::string format_value(const Value& value, std::string_view spec) {
  if (spec.empty()) return to_text(value);
  const std::string type_name = value.type_name();
  if (!value.is_text() && !value.is_number())
    throw Failure("unsupported format string passed to " + type_name + ".__format__");
  const Spec parsed = parse_spec(spec, type_name);
  if (value.is_text()) return format_text(value.bytes(), parsed, type_name);
  if (value.is_real()) return format_real(value.real(), parsed);
  switch (parsed.type) {
    case 0:
    case 'd':
    case 'n':
    case 'b':
    case 'o':
    case 'x':
    case 'X':
    case 'c':
      return format_integer(value.integer(), parsed);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case '%':
      return format_real(value.real(), parsed);
    default:
      unknown_code(parsed.type, type_name);
  }
}

}  // namespace orrery::text::jinja
