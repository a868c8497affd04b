// Python's arithmetic on int (64 bits here; past that is an error), float, and sequences.
#include <cmath>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/format.h"
#include "orrery/text/chat/jinja/markup.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

[[noreturn]] void unsupported(const char* op, const Value& a, const Value& b) {
  if (a.is_undefined()) a.use_undefined();
  if (b.is_undefined()) b.use_undefined();
  throw Failure(std::string("unsupported operand type(s) for ") + op + ": '" + a.type_name() + "' and '" +
                b.type_name() + "'");
}

void require_numbers(const char* op, const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) unsupported(op, a, b);
}

bool both_integral(const Value& a, const Value& b) { return a.is_integral() && b.is_integral(); }

[[noreturn]] void too_large() { throw Failure("an integer that does not fit 64 bits"); }
[[noreturn]] void by_zero() { throw Failure("division by zero"); }

int64_t floor_quotient(int64_t a, int64_t b) {
  if (b == 0) by_zero();
  if (b == -1) {
    int64_t negated;
    if (__builtin_sub_overflow(int64_t{0}, a, &negated)) too_large();
    return negated;
  }
  const int64_t quotient = a / b;
  return quotient - ((a % b != 0) && ((a < 0) != (b < 0)));
}

int64_t floor_remainder(int64_t a, int64_t b) {
  if (b == 0) by_zero();
  if (b == -1) return 0;
  const int64_t remainder = a % b;
  return remainder != 0 && ((remainder < 0) != (b < 0)) ? remainder + b : remainder;
}

struct Quotient {
  double floor, remainder;
};

// CPython's float divmod: the remainder has the divisor's sign, and floor * b + remainder is as close to a as it gets.
Quotient divide_floor(double a, double b) {
  if (b == 0) by_zero();
  double remainder = std::fmod(a, b);
  double quotient = (a - remainder) / b;
  if (remainder != 0) {
    if ((b < 0) != (remainder < 0)) {
      remainder += b;
      quotient -= 1;
    }
  } else {
    remainder = std::copysign(0.0, b);
  }
  if (quotient == 0) return {std::copysign(0.0, a / b), remainder};
  double floor = std::floor(quotient);
  if (quotient - floor > 0.5) floor += 1;
  return {floor, remainder};
}

Value integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) throw Failure("0.0 cannot be raised to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) too_large();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) too_large();
  }
  return Value(result);
}

Value repeat(const Value& sequence, int64_t times) {
  times = std::max<int64_t>(times, 0);
  if (sequence.is_text()) {
    const std::string& bytes = sequence.bytes();
    int64_t size;
    if (__builtin_mul_overflow(times, static_cast<int64_t>(bytes.size()), &size)) size = INT64_MAX;
    Budget::current().text(size);
    std::string out;
    out.reserve(size);
    for (int64_t i = 0; i < times && !bytes.empty(); ++i) out += bytes;
    return Value::text(std::move(out), sequence.is_markup());
  }
  const auto& items = sequence.items();
  int64_t count, bytes;
  if (__builtin_mul_overflow(times, static_cast<int64_t>(items.size()), &count) ||
      __builtin_mul_overflow(count, static_cast<int64_t>(sizeof(Value)), &bytes))
    bytes = INT64_MAX / 2, count = 0;
  Budget::current().memory(bytes);
  Budget::current().work(bytes);
  std::vector<Value> out;
  out.reserve(count);
  for (int64_t i = 0; i < times && !items.empty(); ++i) out.insert(out.end(), items.begin(), items.end());
  return sequence.is_list() ? Value::list(std::move(out)) : Value::tuple(std::move(out));
}

Value join_sequences(const Value& a, const Value& b) {
  Budget::current().memory(static_cast<int64_t>((a.items().size() + b.items().size()) * sizeof(Value)));
  std::vector<Value> out = a.items();
  out.insert(out.end(), b.items().begin(), b.items().end());
  return a.is_list() ? Value::list(std::move(out)) : Value::tuple(std::move(out));
}

}  // namespace

Value add(const Value& a, const Value& b) {
  if (both_integral(a, b)) {
    int64_t sum;
    if (__builtin_add_overflow(a.integer(), b.integer(), &sum)) too_large();
    return Value(sum);
  }
  if (a.is_text() && b.is_text()) {
    const bool markup = a.is_markup() || b.is_markup();
    Budget::current().text(static_cast<int64_t>(a.bytes().size() + b.bytes().size()));
    return markup ? Value::text(escaped(a) + escaped(b), true) : Value::text(a.bytes() + b.bytes());
  }
  if (a.is_sequence() && b.is_sequence() && a.is_list() == b.is_list()) return join_sequences(a, b);
  require_numbers("+", a, b);
  return Value(a.real() + b.real());
}

Value subtract(const Value& a, const Value& b) {
  require_numbers("-", a, b);
  if (!both_integral(a, b)) return Value(a.real() - b.real());
  int64_t difference;
  if (__builtin_sub_overflow(a.integer(), b.integer(), &difference)) too_large();
  return Value(difference);
}

Value multiply(const Value& a, const Value& b) {
  if ((a.is_text() || a.is_sequence()) && b.is_integral()) return repeat(a, b.integer());
  if ((b.is_text() || b.is_sequence()) && a.is_integral()) return repeat(b, a.integer());
  require_numbers("*", a, b);
  if (!both_integral(a, b)) return Value(a.real() * b.real());
  int64_t product;
  if (__builtin_mul_overflow(a.integer(), b.integer(), &product)) too_large();
  return Value(product);
}

Value divide(const Value& a, const Value& b) {
  require_numbers("/", a, b);
  if (b.real() == 0) by_zero();
  if (both_integral(a, b))
    return Value(static_cast<double>(static_cast<long double>(a.integer()) / static_cast<long double>(b.integer())));
  return Value(a.real() / b.real());
}

Value floor_divide(const Value& a, const Value& b) {
  require_numbers("//", a, b);
  if (both_integral(a, b)) return Value(floor_quotient(a.integer(), b.integer()));
  return Value(divide_floor(a.real(), b.real()).floor);
}

Value modulo(const Value& a, const Value& b) {
  if (a.is_text()) return format_percent(a, b);
  require_numbers("%", a, b);
  if (both_integral(a, b)) return Value(floor_remainder(a.integer(), b.integer()));
  return Value(divide_floor(a.real(), b.real()).remainder);
}

Value power(const Value& a, const Value& b) {
  require_numbers("** or pow()", a, b);
  if (both_integral(a, b)) return integer_power(a.integer(), b.integer());
  const double base = a.real(), exponent = b.real();
  if (base == 0 && exponent < 0) throw Failure("0.0 cannot be raised to a negative power");
  if (base < 0 && std::isfinite(base) && std::isfinite(exponent) && exponent != std::floor(exponent))
    throw Failure("complex numbers are not supported");
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent))
    throw Failure("numerical result out of range");
  return Value(result);
}

Value negate(const Value& a) {
  if (a.is_undefined()) a.use_undefined();
  if (a.is_real()) return Value(-a.real());
  if (!a.is_integral()) throw Failure("bad operand type for unary -: '" + a.type_name() + "'");
  return subtract(Value(int64_t{0}), a);
}

Value identity(const Value& a) {
  if (a.is_undefined()) a.use_undefined();
  if (!a.is_number()) throw Failure("bad operand type for unary +: '" + a.type_name() + "'");
  return a.is_bool() ? Value(a.integer()) : a;
}

}  // namespace orrery::text::jinja
