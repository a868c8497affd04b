#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "orrery/text/sampling/json_text.h"

namespace orrery::text {

namespace {

constexpr size_t kOpenDigits = 16;  // as llama.cpp
constexpr const char* kAnyTail = "[0-9]{0,19}";

std::string digit_class(char low, char high) {
  return low == high ? fmt::format("\"{}\"", low) : fmt::format("[{}-{}]", low, high);
}
std::string any_digits(size_t least, size_t most) {
  if (most == 0) return "";
  return least == most ? fmt::format(" [0-9]{{{}}}", least) : fmt::format(" [0-9]{{{},{}}}", least, most);
}
bool all(std::string_view digits, char c) { return digits.find_first_not_of(c) == digits.npos; }

// Digit strings from a to b, of one length.
std::string same_length(std::string_view a, std::string_view b) {
  if (a == b) return gbnf_quote(a);
  const size_t shared = std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin();
  const std::string prefix = shared > 0 ? gbnf_quote(a.substr(0, shared)) + " " : "";
  const char x = a[shared], y = b[shared];
  const auto rest_a = a.substr(shared + 1), rest_b = b.substr(shared + 1);
  const bool from_least = all(rest_a, '0'), to_greatest = all(rest_b, '9');
  const char first = char(x + !from_least), last = char(y - !to_greatest);
  std::vector<std::string> ways;
  if (!from_least) ways.push_back(digit_class(x, x) + " " + same_length(rest_a, std::string(rest_a.size(), '9')));
  if (first <= last) ways.push_back(digit_class(first, last) + any_digits(rest_a.size(), rest_a.size()));
  if (!to_greatest) ways.push_back(digit_class(y, y) + " " + same_length(std::string(rest_b.size(), '0'), rest_b));
  return prefix + gbnf_choice(ways);
}

bool less(std::string_view a, std::string_view b) { return a.size() != b.size() ? a.size() < b.size() : a < b; }

std::string plus_one(std::string digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '9') return ++digits[i], digits;
    digits[i] = '0';
  }
  return digits.insert(0, 1, '1');
}

// digits above 0
std::string minus_one(std::string digits) {
  for (size_t i = digits.size(); i-- > 0;) {
    if (digits[i] != '0') {
      --digits[i];
      break;
    }
    digits[i] = '9';
  }
  const size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
  return digits.substr(first);
}

// Integers from a to b, both >= 0; b absent: open.
std::vector<std::string> integers(const std::string& a, const std::optional<std::string>& end) {
  const std::string b = end ? *end : std::string(std::max(kOpenDigits, a.size() + 1), '9');
  std::vector<std::string> ways;
  if (less(b, a)) return ways;
  for (size_t length = a.size(); length <= b.size(); ++length) {
    std::string least(length, '0');
    if (length > 1) least[0] = '1';
    const std::string low = length == a.size() ? a : least;
    const std::string high = length == b.size() ? b : std::string(length, '9');
    if (length > 1 && low == least && all(high, '9')) {  // whole lengths, together
      const size_t last = b.size() - !all(b, '9');
      ways.push_back("[1-9]" + any_digits(length - 1, last - 1));
      length = last;
    } else {
      ways.push_back(same_length(low, high));
    }
  }
  return ways;
}

// Digits behind a point (or behind some of them) whose value lies in a range: the expression, empty where there is
// none, and whether no digits at all will do too.
struct Tail {
  bool may_be_empty;
  std::string digits;
  bool possible() const { return may_be_empty || !digits.empty(); }
};

std::string after(const std::string& before, const Tail& tail) {
  if (tail.digits.empty()) return before;
  return fmt::format("{} ({}){}", before, tail.digits, tail.may_be_empty ? "?" : "");
}

Tail at_least(std::string_view a, bool exclusive) {
  if (a.empty())
    return exclusive ? Tail{false, fmt::format("\"0\"{{0,19}} [1-9] {}", kAnyTail)} : Tail{true, "[0-9]{1,20}"};
  std::vector<std::string> ways = {after(digit_class(a[0], a[0]), at_least(a.substr(1), exclusive))};
  if (a[0] < '9') ways.push_back(digit_class(char(a[0] + 1), '9') + " " + kAnyTail);
  return {false, gbnf_join(ways)};
}

Tail at_most(std::string_view b, bool exclusive) {
  if (b.empty()) return exclusive ? Tail{false, ""} : Tail{true, "\"0\"{1,20}"};
  std::vector<std::string> ways;
  if (b[0] > '0') ways.push_back(digit_class('0', char(b[0] - 1)) + " " + kAnyTail);
  const Tail rest = at_most(b.substr(1), exclusive);
  if (rest.possible()) ways.push_back(after(digit_class(b[0], b[0]), rest));
  return {true, gbnf_join(ways)};
}

Tail between(std::string_view a, bool a_exclusive, std::string_view b, bool b_exclusive) {
  const bool may_be_empty = a.empty() && !a_exclusive && (!b.empty() || !b_exclusive);
  if (a.empty() && b.empty()) return {may_be_empty, may_be_empty ? "\"0\"{1,20}" : ""};
  const char x = a.empty() ? '0' : a[0], y = b.empty() ? '0' : b[0];
  const auto rest_a = a.substr(!a.empty()), rest_b = b.substr(!b.empty());
  std::vector<std::string> ways;
  if (x == y) {
    const Tail rest = between(rest_a, a_exclusive, rest_b, b_exclusive);
    if (rest.possible()) ways.push_back(after(digit_class(x, x), rest));
  } else if (x < y) {
    ways.push_back(after(digit_class(x, x), at_least(rest_a, a_exclusive)));
    if (x + 1 < y) ways.push_back(digit_class(char(x + 1), char(y - 1)) + " " + kAnyTail);
    const Tail rest = at_most(rest_b, b_exclusive);
    if (rest.possible()) ways.push_back(after(digit_class(y, y), rest));
  }
  return {may_be_empty, gbnf_join(ways)};
}

// `integer` is an expression for the digits before the point.
void add_with_fraction(std::vector<std::string>& ways, const std::string& integer, const Tail& fraction) {
  if (!fraction.possible()) return;
  if (fraction.digits.empty())
    ways.push_back(integer);
  else
    ways.push_back(fmt::format("{} (\".\" ({})){}", integer, fraction.digits, fraction.may_be_empty ? "?" : ""));
}

struct Magnitudes {
  NumberRange::Bound least;
  std::optional<NumberRange::Bound> greatest;
};

std::vector<std::string> integer_magnitudes(const Magnitudes& m) {
  const auto& [low, low_exclusive] = m.least;
  const std::string first = low_exclusive || !low.fraction.empty() ? plus_one(low.integer) : low.integer;
  if (!m.greatest) return integers(first, std::nullopt);
  const auto& [high, high_exclusive] = *m.greatest;
  if (!high_exclusive || !high.fraction.empty()) return integers(first, high.integer);
  return high.integer == "0" ? std::vector<std::string>{} : integers(first, minus_one(high.integer));
}

std::vector<std::string> number_magnitudes(const Magnitudes& m) {
  const auto& [low, low_exclusive] = m.least;
  std::vector<std::string> ways;
  const Tail any{true, "[0-9]{1,20}"};
  const bool one_integer = m.greatest && m.greatest->value.integer == low.integer;
  if (one_integer) {
    add_with_fraction(ways, gbnf_quote(low.integer),
                      between(low.fraction, low_exclusive, m.greatest->value.fraction, m.greatest->exclusive));
    return ways;
  }
  if (m.greatest && less(m.greatest->value.integer, low.integer)) return ways;
  add_with_fraction(ways, gbnf_quote(low.integer), at_least(low.fraction, low_exclusive));
  std::optional<std::string> last;
  if (m.greatest) last = minus_one(m.greatest->value.integer);
  const auto inner = integers(plus_one(low.integer), last);
  if (!inner.empty()) add_with_fraction(ways, gbnf_choice(inner), any);
  if (m.greatest)
    add_with_fraction(ways, gbnf_quote(m.greatest->value.integer),
                      at_most(m.greatest->value.fraction, m.greatest->exclusive));
  return ways;
}

// Splits a range at zero. Below zero the magnitudes run the other way; zero itself has no sign.
template <typename FromMagnitudes>
std::optional<std::string> signed_ranges(const NumberRange& range, FromMagnitudes from_magnitudes) {
  const auto& [least, greatest] = range;
  std::vector<std::string> ways;
  const auto magnitude = [](NumberRange::Bound bound) {
    bound.value.negative = false;
    return bound;
  };
  if (!greatest || !greatest->value.negative) {
    const bool from_zero = !least || least->value.negative;
    ways = from_magnitudes(Magnitudes{from_zero ? NumberRange::Bound{} : *least, greatest});
  }
  if (!least || least->value.negative) {
    const bool to_zero = !greatest || !greatest->value.negative;
    Magnitudes below{to_zero ? NumberRange::Bound{{}, true} : magnitude(*greatest), std::nullopt};
    if (least) below.greatest = magnitude(*least);
    const auto negative = from_magnitudes(below);
    if (!negative.empty()) ways.push_back("\"-\" " + gbnf_choice(negative));
  }
  if (ways.empty()) return std::nullopt;
  return gbnf_choice(ways);
}

}  // namespace

Decimal decimal_from_json(const nlohmann::ordered_json& number) {
  std::string text = number.dump();
  Decimal out;
  if (text[0] == '-') {
    out.negative = true;
    text.erase(0, 1);
  }
  int exponent = 0;
  if (const size_t e = text.find('e'); e != text.npos) {
    exponent = std::stoi(text.substr(e + 1));
    text.resize(e);
  }
  const size_t point = std::min(text.find('.'), text.size());
  std::string digits = text.substr(0, point) + (point < text.size() ? text.substr(point + 1) : "");
  const int before_point = int(point) + exponent;
  if (before_point <= 0) digits.insert(0, size_t(1 - before_point), '0');
  const size_t split = size_t(std::max(before_point, 1));
  if (digits.size() < split) digits.append(split - digits.size(), '0');
  out.integer = digits.substr(0, split);
  out.fraction = digits.substr(split);
  out.integer.erase(0, std::min(out.integer.find_first_not_of('0'), out.integer.size() - 1));
  out.fraction.erase(out.fraction.find_last_not_of('0') + 1);
  if (out.integer == "0" && out.fraction.empty()) out.negative = false;
  return out;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int sign = a.negative ? -1 : 1;
  if (a.integer != b.integer) return less(a.integer, b.integer) ? -sign : sign;
  if (a.fraction != b.fraction) return a.fraction < b.fraction ? -sign : sign;
  return 0;
}

std::optional<std::string> gbnf_integers(const NumberRange& range) { return signed_ranges(range, integer_magnitudes); }

std::optional<std::string> gbnf_numbers(const NumberRange& range) {
  if (!range.least && !range.greatest)
    return R"("-"? ("0" | [1-9] [0-9]{0,15}) ("." [0-9]{1,20})? ([eE] [-+]? [0-9]{1,2})?)";
  return signed_ranges(range, number_magnitudes);
}

}  // namespace orrery::text
