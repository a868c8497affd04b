#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/text/sampling/json_text.h"

namespace orrery::text {

namespace {

std::string escaped(uint32_t c, std::string_view specials) {
  if (c < 0x20 || c == 0x7F) {
    if (c == '\n') return "\\n";
    if (c == '\t') return "\\t";
    if (c == '\r') return "\\r";
    return fmt::format("\\x{:02X}", c);
  }
  std::string out;
  if (c < 0x80 && specials.find(char(c)) != specials.npos) out += '\\';
  append_utf8(out, c);
  return out;
}

std::string char_class(const CodePoints& chars) {
  std::string out = "[";
  for (auto [low, high] : chars) {
    // ^ only negates at the front, where an escape is not known to GBNF
    const auto item = [](uint32_t c) { return c == '^' ? std::string("\\x5E") : escaped(c, "\\[]-"); };
    out += item(low);
    if (high == low) continue;
    out += '-';
    out += item(high);
  }
  return out += ']';
}

CodePoints without(const CodePoints& chars, const CodePoints& removed) {
  // a \ b = not (not a or b)
  CodePoints outside = complement(chars);
  outside.insert(outside.end(), removed.begin(), removed.end());
  return complement(outside);
}

bool contains(const CodePoints& chars, uint32_t c) {
  return std::any_of(chars.begin(), chars.end(), [c](auto range) { return range.first <= c && c <= range.second; });
}

const CodePoints kMustEscape = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
const CodePoints kDigits = {{'0', '9'}};
const CodePoints kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CodePoints kSpaces = {{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
                            {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const CodePoints kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

class RegexReader {
 public:
  RegexReader(std::string_view text, std::string_view any_char, const std::string& where)
      : text_(text), any_char_(any_char), where_(where) {}

  std::string whole() {
    std::vector<std::string> ways;
    do {
      const bool from_start = take("^");
      std::string body = sequence();
      const bool to_end = take("$");
      if (!from_start) body = fmt::format("{}* {}", any_char_, body);
      if (!to_end) body += fmt::format(" {}*", any_char_);
      ways.push_back(std::move(body));
    } while (take("|"));
    if (at_ < text_.size()) fail(text_[at_] == ')' ? "a ) without (" : "an anchor inside");
    return gbnf_choice(ways);
  }

 private:
  static constexpr int kMaxNesting = 60;
  static constexpr uint32_t kMaxCount = 100'000;

  [[noreturn]] void fail(std::string found) const {
    throw Error(
        {.doing = "turn a JSON schema into a grammar",
         .where = where_,
         .found = fmt::format("{} at character {} of the pattern", found, at_ + 1),
         .expected =
             "a regular expression of characters, classes, groups, | * + ? {m,n}, ^ at its start and $ at its end"});
  }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool at_end() const { return at_ >= text_.size(); }
  bool take(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  std::string sequence() {
    std::string out;
    while (!at_end() && peek() != '|' && peek() != ')' && peek() != '^' && peek() != '$') {
      if (!out.empty()) out += ' ';
      out += atom();
      out += quantifier();
    }
    return out.empty() ? "\"\"" : out;
  }

  std::string atom() {
    if (take("(")) return group();
    if (take("[")) return char_class_of_pattern();
    if (take(".")) return gbnf_json_char(complement(kLineEnds));
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') fail("nothing to repeat");
    if (peek() == '\\') return gbnf_json_char(escape(false));
    const uint32_t c = character();
    return gbnf_json_char({{c, c}});
  }

  std::string group() {
    if (++nesting_ > kMaxNesting) fail("groups nested deeper than 60");
    if (take("?")) {
      if (take("<") && peek() != '=' && peek() != '!') {
        while (!at_end() && peek() != '>') ++at_;
        if (!take(">")) fail("a group name without >");
      } else if (!take(":")) {
        fail("look-around or an option");
      }
    }
    std::vector<std::string> ways;
    do ways.push_back(sequence());
    while (take("|"));
    if (!take(")")) fail(at_end() ? "a ( without )" : "an anchor inside a group");
    --nesting_;
    return fmt::format("({})", gbnf_join(ways));
  }

  std::string quantifier() {
    std::string out;
    if (peek() == '*' || peek() == '+' || peek() == '?') {
      out = text_[at_++];
    } else if (peek() == '{') {
      out = counts();
    }
    if (!out.empty()) take("?");  // lazy: matches the same texts
    if (!out.empty() && (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{')) fail("a second repetition");
    return out;
  }

  std::string counts() {
    const size_t begin = at_++;
    const auto number = [this] {
      uint32_t value = 0;
      if (!std::isdigit(uint8_t(peek()))) fail("a repetition that is not {m}, {m,} or {m,n}");
      for (; std::isdigit(uint8_t(peek())); ++at_)
        if ((value = value * 10 + uint32_t(peek() - '0')) > kMaxCount) fail("a count above 100,000");
      return value;
    };
    const uint32_t least = number();
    if (take(",") && peek() != '}' && number() < least) fail("a repetition whose second count is the smaller");
    if (!take("}")) fail("a { without }");
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string char_class_of_pattern() {
    const bool negated = take("^");
    CodePoints chars;
    while (!take("]")) {
      if (at_end()) fail("a [ without ]");
      const CodePoints low = peek() == '\\' ? escape(true) : one(character());
      chars.insert(chars.end(), low.begin(), low.end());
      if (peek() != '-' || peek(1) == ']' || peek(1) == '\0') continue;
      ++at_;
      const CodePoints high = peek() == '\\' ? escape(true) : one(character());
      if (!single(low) || !single(high) || high[0].first < low[0].first) fail("a range that is none");
      chars.emplace_back(low[0].first, high[0].first);
    }
    chars = negated ? complement(chars) : normalized(chars);
    if (chars.empty()) fail("a class that no character is in");
    return gbnf_json_char(chars);
  }

  static CodePoints one(uint32_t c) { return {{c, c}}; }
  static bool single(const CodePoints& chars) { return chars.size() == 1 && chars[0].first == chars[0].second; }

  uint32_t character() {
    const uint32_t c = read_code_point(text_, at_);
    if (c == UINT32_MAX) fail("bytes that are no UTF-8");
    return c;
  }

  CodePoints escape(bool in_class) {
    ++at_;
    if (at_end()) fail("a \\ at the end");
    const uint32_t c = character();
    switch (c) {
      case 'd':
        return kDigits;
      case 'D':
        return complement(kDigits);
      case 'w':
        return kWord;
      case 'W':
        return complement(kWord);
      case 's':
        return kSpaces;
      case 'S':
        return complement(kSpaces);
      case 't':
        return one('\t');
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'x':
        return one(hex(2));
      case 'u':
        return one(take("{") ? hex_in_braces() : hex(4));
      case 'b':
        if (in_class) return one('\b');
        break;
      default:
        if (c > 0x7F || !(std::isalnum(int(c)))) return one(c);
    }
    at_ -= 1;
    fail(fmt::format("\\{}", char(c)));
  }

  uint32_t hex(size_t digits) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i, ++at_) {
      if (!std::isxdigit(uint8_t(peek()))) fail("a hex escape without digits");
      value = value * 16 + uint32_t(peek() <= '9' ? peek() - '0' : (peek() | 0x20) - 'a' + 10);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) fail("half a surrogate pair");
    return value;
  }
  uint32_t hex_in_braces() {
    const size_t end = text_.find('}', at_);
    if (end == text_.npos || end == at_ || end - at_ > 6) fail("a \\u{ without }");
    const uint32_t value = hex(end - at_);
    ++at_;
    return value;
  }

  std::string_view text_, any_char_;
  const std::string& where_;
  size_t at_ = 0;
  int nesting_ = 0;
};

// RFC 3339, full-date: every day that the calendar has, the 29th of February in leap years.
constexpr const char* kDate =
    R"(([0-9]{4} "-" (("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01]))"
    R"( | ("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30") | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])))"
    R"( | ([0-9]{2} ("0" [48] | [2468] [048] | [13579] [26]) | ("0" [48] | [2468] [048] | [13579] [26]) "00") "-02-29"))";
constexpr const char* kTime =
    R"(([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,9})? ("Z" | [+-] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]))";
constexpr const char* kUuid = R"([0-9a-fA-F]{8} ("-" [0-9a-fA-F]{4}){3} "-" [0-9a-fA-F]{12})";
// RFC 5321 with unquoted local parts and host names.
constexpr const char* kEmail =
    R"([a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,63} ("." [a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,63}){0,3} "@")"
    R"( [a-zA-Z0-9] ([a-zA-Z0-9-]{0,61} [a-zA-Z0-9])? ("." [a-zA-Z0-9] ([a-zA-Z0-9-]{0,61} [a-zA-Z0-9])?){1,4})";
constexpr const char* kOctet = R"(("25" [0-5] | "2" [0-4] [0-9] | "1" [0-9] [0-9] | [1-9]? [0-9]))";

}  // namespace

std::string gbnf_quote(std::string_view utf8) {
  std::string out = "\"";
  for (size_t at = 0; at < utf8.size();) out += escaped(read_code_point(utf8, at), "\"\\");
  return out + "\"";
}

std::string gbnf_join(const std::vector<std::string>& alternatives) {
  std::string out;
  for (const auto& way : alternatives) {
    if (&way != &alternatives.front()) out += " | ";
    out += way;
  }
  return out;
}

std::string gbnf_choice(const std::vector<std::string>& alternatives) {
  return alternatives.size() == 1 ? alternatives.front() : fmt::format("({})", gbnf_join(alternatives));
}

std::string gbnf_json_char(const CodePoints& chars) {
  std::vector<std::string> ways;
  const CodePoints plain = without(chars, kMustEscape);
  if (!plain.empty()) ways.push_back(char_class(plain));
  constexpr std::pair<uint32_t, char> kShort[] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                                  {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
  for (const auto& [c, letter] : kShort)
    if (contains(chars, c)) ways.push_back(gbnf_quote(std::string{'\\', letter}));
  for (uint32_t c = 0; c < 0x20; ++c) {
    const bool has_short =
        std::any_of(std::begin(kShort), std::end(kShort), [c](auto& known) { return known.first == c; });
    if (!has_short && contains(chars, c)) ways.push_back(gbnf_quote(fmt::format("\\u{:04x}", c)));
  }
  return gbnf_choice(ways);
}

std::string gbnf_from_regex(std::string_view pattern, std::string_view any_char, const std::string& where) {
  return RegexReader(pattern, any_char, where).whole();
}

std::optional<std::string> gbnf_from_format(std::string_view format) {
  if (format == "date") return kDate;
  if (format == "time") return kTime;
  if (format == "date-time") return fmt::format("{} \"T\" {}", kDate, kTime);
  if (format == "uuid") return kUuid;
  if (format == "email") return kEmail;
  if (format == "ipv4") return fmt::format("{0} (\".\" {0}){{3}}", kOctet);
  return std::nullopt;
}

}  // namespace orrery::text
