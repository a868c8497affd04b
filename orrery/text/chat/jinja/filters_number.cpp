// Filters about numbers.
#include <cctype>
#include <cmath>
#include <cstdlib>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/filters.h"
#include "orrery/text/chat/jinja/format.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

// Removes the underscores that may stand between digits; nullopt where Python would not allow them.
std::optional<std::string> without_underscores(std::string_view digits) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] != '_') {
      out += digits[i];
      continue;
    }
    const auto digit_at = [&](size_t k) {
      return k < digits.size() && std::isalnum(static_cast<unsigned char>(digits[k]));
    };
    if (i == 0 || !digit_at(i - 1) || !digit_at(i + 1)) return std::nullopt;
  }
  return out;
}

// int(text, base). Throws only for a number that is right but too large.
std::optional<int64_t> parse_int(const Value& text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  const std::string stripped = strip(text, Value()).bytes();
  std::string_view rest = stripped;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const auto prefixed = [&](char letter) { return rest.size() > 2 && rest[0] == '0' && (rest[1] | 0x20) == letter; };
  for (auto [letter, value] : {std::pair{'x', 16}, {'o', 8}, {'b', 2}}) {
    if (!prefixed(letter) || (base != value && base != 0)) continue;
    base = value;
    rest.remove_prefix(2);
    if (rest.starts_with('_')) rest.remove_prefix(1);
    break;
  }
  const auto digits = without_underscores(rest);
  if (!digits || digits->empty()) return std::nullopt;
  if (base == 0) {
    if ((*digits)[0] == '0' && digits->find_first_not_of('0') != std::string::npos) return std::nullopt;
    base = 10;
  }
  int64_t value = 0;
  bool overflow = false;
  for (char c : *digits) {
    const int digit = c >= '0' && c <= '9'                     ? c - '0'
                      : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10
                                                               : 99;
    if (digit >= base) return std::nullopt;
    overflow |= __builtin_mul_overflow(value, base, &value) || __builtin_sub_overflow(value, digit, &value);
  }
  if (overflow || (!negative && value == INT64_MIN)) throw Failure("an integer that does not fit 64 bits");
  return negative ? value : -value;
}

// float(text).
std::optional<double> parse_float(const Value& text) {
  const auto digits = without_underscores(strip(text, Value()).bytes());
  if (!digits || digits->empty()) return std::nullopt;
  std::string lowered = *digits;
  for (char& c : lowered) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::string unsigned_part = lowered.substr(lowered[0] == '+' || lowered[0] == '-');
  const bool named = unsigned_part == "inf" || unsigned_part == "infinity" || unsigned_part == "nan";
  if (!named && lowered.find_first_not_of("0123456789.e+-") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(lowered.c_str(), &end);
  if (end != lowered.c_str() + lowered.size()) return std::nullopt;
  return value;
}

int64_t truncated(double d) {
  if (std::isinf(d)) throw Failure("cannot convert float infinity to integer");
  if (std::abs(d) >= 9.2e18) throw Failure("an integer that does not fit 64 bits");
  return static_cast<int64_t>(d);
}

Value int_filter(const Value& value, const CallArgs& call) {
  const Arguments args("int", call, {"default", "base"});
  if (value.is_undefined()) value.use_undefined();
  const Value otherwise = args.get(0, Value(int64_t{0}));
  if (value.is_integral()) return identity(value);
  if (value.is_real()) return std::isnan(value.real()) ? otherwise : Value(truncated(value.real()));
  if (!value.is_text()) return otherwise;
  if (args.has(1) && !args[1].is_integral()) return otherwise;
  if (const auto parsed = parse_int(value, args.integer(1, 10))) return Value(*parsed);
  const auto real = parse_float(value);
  return real && std::isfinite(*real) ? Value(truncated(*real)) : otherwise;
}

Value float_filter(const Value& value, const CallArgs& call) {
  const Arguments args("float", call, {"default"});
  if (value.is_undefined()) value.use_undefined();
  if (value.is_number()) return Value(value.real());
  const auto parsed = value.is_text() ? parse_float(value) : std::nullopt;
  return parsed ? Value(*parsed) : args.get(0, Value(0.0));
}

Value abs_filter(const Value& value, const CallArgs& call) {
  Arguments("abs", call, {}, 0, Arguments::positional_only);
  if (!value.is_number()) throw Failure("bad operand type for abs(): '" + value.type_name() + "'");
  if (value.is_real()) return Value(std::abs(value.real()));
  return value.integer() < 0 ? negate(value) : identity(value);
}

// round(int, -digits): to the nearest multiple of a power of ten, halves to the even one.
Value round_integer(int64_t value, int64_t digits) {
  if (digits >= 0) return Value(value);
  if (digits < -18) return Value(int64_t{0});
  int64_t unit = 1;
  for (; digits < 0; ++digits) unit *= 10;
  int64_t down = value / unit * unit;
  if (value % unit < 0) down -= unit;
  const int64_t rest = value - down, half = unit / 2;
  const bool up = rest > half || (rest == half && (down / unit) % 2 != 0);
  return add(Value(down), Value(up ? unit : int64_t{0}));
}

// Python rounds the exact binary value, halves to even: what printf's %.*f does. Left of the point the digits are
// rounded by hand.
double round_real(double value, int64_t digits) {
  constexpr int64_t kMostDigits = 323, kMostWhole = 308;
  if (!std::isfinite(value) || digits > kMostDigits) return value;
  if (digits < -kMostWhole) return std::copysign(0.0, value);
  if (digits >= 0) {
    const double rounded = std::strtod(format_magnitude(std::abs(value), 'f', digits, false).c_str(), nullptr);
    return std::copysign(rounded, value);
  }
  const double whole = std::floor(std::abs(value));
  const std::string text = format_magnitude(whole, 'f', 0, false);
  const int64_t kept = static_cast<int64_t>(text.size()) + digits;
  if (kept < 0) return std::copysign(0.0, value);
  const std::string head = kept > 0 ? text.substr(0, kept) : "0", tail = text.substr(kept);
  const bool beyond_half = tail.find_first_not_of('0', 1) != std::string::npos || whole != std::abs(value);
  const bool up = tail[0] > '5' || (tail[0] == '5' && (beyond_half || (head.back() - '0') % 2 != 0));
  double rounded = std::strtod((head + std::string(-digits, '0')).c_str(), nullptr);
  if (up) rounded += std::strtod((std::string("1") + std::string(-digits, '0')).c_str(), nullptr);
  return std::copysign(rounded, value);
}

Value round_filter(const Value& value, const CallArgs& call) {
  const Arguments args("round", call, {"precision", "method"});
  const std::string method = args.has(1) ? to_text(args[1]) : "common";
  if (method != "common" && method != "ceil" && method != "floor")
    throw Failure("method must be common, ceil or floor");
  if (value.is_undefined()) value.use_undefined();
  if (!value.is_number()) throw Failure("type " + value.type_name() + " doesn't define __round__ method");
  if (method == "common") {
    const bool to_integer = args.has(0) && args[0].is_none();
    const int64_t digits = to_integer ? 0 : args.integer(0, 0);
    if (value.is_integral()) return round_integer(value.integer(), digits);
    const double rounded = round_real(value.real(), digits);
    return to_integer ? Value(truncated(rounded)) : Value(rounded);
  }
  const Value scale = power(Value(int64_t{10}), args.get(0, Value(int64_t{0})));
  const Value scaled = multiply(value, scale);
  if (scaled.is_real() && !std::isfinite(scaled.real())) throw Failure("cannot convert infinity or NaN to integer");
  constexpr double kAllWhole = 1 << 30;  // times itself: far past the last double that has a fraction
  if (scaled.is_integral() || std::abs(scaled.real()) > kAllWhole * kAllWhole) return divide(scaled, scale);
  const Value whole(truncated(method == "ceil" ? std::ceil(scaled.real()) : std::floor(scaled.real())));
  return divide(whole, scale);
}

Value filesizeformat(const Value& value, const CallArgs& call) {
  const Arguments args("filesizeformat", call, {"binary"});
  const bool binary = args.truth(0);
  if (value.is_undefined()) value.use_undefined();
  const auto parsed = value.is_text()     ? parse_float(value)
                      : value.is_number() ? std::optional(value.real())
                                          : std::nullopt;
  if (!parsed) throw Failure("could not convert to float: " + repr(value));
  const double bytes = *parsed, base = binary ? 1024 : 1000;
  if (bytes == 1) return Value::text("1 Byte");
  if (bytes < base) return Value::text(std::to_string(truncated(bytes)) + " Bytes");
  double unit = base;
  std::string prefix;
  for (char letter : std::string_view(binary ? "KMGTPEZY" : "kMGTPEZY")) {
    unit *= base;
    prefix = std::string(1, letter) + (binary ? "iB" : "B");
    if (bytes < unit) break;
  }
  return Value::text(format_value(Value(base * bytes / unit), ".1f") + " " + prefix);
}

constexpr Filter kNumberFilters[] = {
    {"int", int_filter},
    {"float", float_filter},
    {"abs", abs_filter},
    {"round", round_filter},
    {"filesizeformat", filesizeformat},
};

}  // namespace

std::span<const Filter> number_filters() { return kNumberFilters; }

}  // namespace orrery::text::jinja
