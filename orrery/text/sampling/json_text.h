// Pieces of GBNF for JSON texts: what json_schema.cpp is made of. All return expressions that need no parentheses
// around them when put into a sequence, unless said otherwise.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/sampling/gbnf.h"

namespace orrery::text {

/// A literal.
std::string gbnf_quote(std::string_view utf8);
/// a | b, for within parentheses.
std::string gbnf_join(const std::vector<std::string>& alternatives);
/// "a" -> a · several -> (a | b)
std::string gbnf_choice(const std::vector<std::string>& alternatives);
/// One of the characters inside a JSON string, written plainly where JSON allows it and with an escape where it does
/// not.
std::string gbnf_json_char(const CodePoints& chars);

/// The regular expression (ECMA 262, without look-around, back references and \b) as the inside of a JSON string.
/// Unanchored ends match anything before or behind. `any_char` names the rule for one character. Throws Error for
/// `where`.
std::string gbnf_from_regex(std::string_view pattern, std::string_view any_char, const std::string& where);
/// The inside of a JSON string of a format: date, time, date-time (RFC 3339), uuid, email, ipv4.
std::optional<std::string> gbnf_from_format(std::string_view format);

/// A number as decimal digits: exact, of any size.
struct Decimal {
  bool negative = false;
  std::string integer = "0";  ///< without leading zeros
  std::string fraction;       ///< without trailing zeros
};
Decimal decimal_from_json(const nlohmann::ordered_json& number);
/// Negative, zero or positive as a is less than, equal to or greater than b.
int compare(const Decimal& a, const Decimal& b);

struct NumberRange {
  struct Bound {
    Decimal value;
    bool exclusive = false;
  };
  std::optional<Bound> least, greatest;
};
/// Digits of exactly the integers of the range; nothing where there are none. An open end goes to 16 digits, or one
/// more than the other end has.
std::optional<std::string> gbnf_integers(const NumberRange& range);
/// Exactly the decimal numbers of the range with up to 20 digits after the point (or 19 more than an end has); with an
/// exponent only where both ends are open.
std::optional<std::string> gbnf_numbers(const NumberRange& range);

}  // namespace orrery::text
