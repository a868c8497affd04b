// Oniguruma's Ruby syntax in PCRE2's words (github.com/kkos/oniguruma, doc/RE; pcre2pattern(3)).
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/text/tokenizer/regex.h"

namespace orrery::text {

namespace {

// Inside brackets. PCRE2's own \s has U+180E too, and its \w lacks marks and connectors.
constexpr std::string_view kSpaces =
    R"(\x09-\x0D\x20\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr std::string_view kNoSpaces =
    R"(\x00-\x08\x0E-\x1F\x21-\x{84}\x{86}-\x{9F}\x{A1}-\x{167F}\x{1681}-\x{1FFF}\x{200B}-\x{2027}\x{202A}-\x{202E})"
    R"(\x{2030}-\x{205E}\x{2060}-\x{2FFF}\x{3001}-\x{D7FF}\x{E000}-\x{10FFFF})";
constexpr std::string_view kWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
// Outside brackets, Oniguruma's \w also has these six of Latin-1 (superscripts and fractions).
constexpr std::string_view kBareWord = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\xB2\xB3\xB9\x{BC}-\x{BE})";
constexpr std::string_view kHex = "0-9A-Fa-f";
constexpr int kMaxNesting = 100;

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  std::string translate() {
    while (!done()) {
      if (peek() == '[') {
        out_ += char_class(0);
      } else if (peek() == '\\') {
        out_ += escape();
      } else if (pattern_.substr(at_, 2) == "(?") {
        out_ += group_options();
      } else {
        out_ += pattern_[at_++];
      }
    }
    return std::move(out_);
  }

 private:
  /// A set of characters: bracket items, and alternatives that no bracket can hold.
  struct Set {
    std::string items;
    std::vector<std::string> alternatives;

    std::string expression(bool negated) const {
      if (alternatives.empty()) return fmt::format("[{}{}]", negated ? "^" : "", items);
      std::string any = items.empty() ? "" : fmt::format("[{}]", items);
      for (const std::string& one : alternatives) any += (any.empty() ? "" : "|") + one;
      return negated ? fmt::format("(?:(?!{})(?s:.))", any) : fmt::format("(?:{})", any);
    }
  };

  bool done() const { return at_ >= pattern_.size(); }
  char peek() const { return pattern_[at_]; }

  [[noreturn]] void fail(const std::string& found) const {
    throw Error({.doing = "read a tokenizer's regular expression",
                 .where = std::string(pattern_),
                 .found = fmt::format("{} at offset {}", found, at_)});
  }

  std::string take_escape() {
    if (at_ + 1 >= pattern_.size()) fail("a backslash at the end");
    const char letter = pattern_[at_ + 1];
    size_t end = at_ + 2;
    if ((letter == 'p' || letter == 'P' || letter == 'x' || letter == 'k') && end < pattern_.size() &&
        pattern_[end] == '{') {
      end = pattern_.find('}', end);
      if (end == std::string_view::npos) fail("an unclosed brace");
      ++end;
    } else if (letter == 'u') {
      end = at_ + 6;
      if (end > pattern_.size()) fail("\\u without four digits");
    }
    const std::string taken(pattern_.substr(at_, end - at_));
    at_ = end;
    return letter == 'u' ? fmt::format("\\x{{{}}}", taken.substr(2)) : property(taken);
  }

  /// Oniguruma knows the categories' long names; PCRE2 knows the short ones.
  static std::string property(const std::string& escape) {
    static constexpr std::pair<std::string_view, std::string_view> kNames[] = {{"{Letter}", "{L}"},
                                                                               {"{Mark}", "{M}"},
                                                                               {"{Number}", "{N}"},
                                                                               {"{Punctuation}", "{P}"},
                                                                               {"{Symbol}", "{S}"},
                                                                               {"{Separator}", "{Z}"},
                                                                               {"{Lowercase_Letter}", "{Ll}"},
                                                                               {"{Uppercase_Letter}", "{Lu}"},
                                                                               {"{Titlecase_Letter}", "{Lt}"},
                                                                               {"{Modifier_Letter}", "{Lm}"},
                                                                               {"{Other_Letter}", "{Lo}"},
                                                                               {"{Decimal_Number}", "{Nd}"},
                                                                               {"{Alpha}", "{Alphabetic}"},
                                                                               {"{Digit}", "{Nd}"},
                                                                               {"{Space}", "{White_Space}"}};
    for (const auto& [longer, shorter] : kNames) {
      if (std::string_view(escape).substr(2) == longer) return escape.substr(0, 2) + std::string(shorter);
    }
    return escape;
  }

  std::string escape() {
    const std::string taken = take_escape();
    switch (taken[1]) {
      case 's':
        return fmt::format("[{}]", kSpaces);
      case 'S':
        return fmt::format("[^{}]", kSpaces);
      case 'w':
        return fmt::format("[{}]", kBareWord);
      case 'W':
        return fmt::format("[^{}]", kBareWord);
      case 'd':
        return "\\p{Nd}";
      case 'D':
        return "\\P{Nd}";
      case 'h':
        return fmt::format("[{}]", kHex);
      case 'H':
        return fmt::format("[^{}]", kHex);
      case 'b':
        return fmt::format("(?:(?<=[{0}])(?![{0}])|(?<![{0}])(?=[{0}]))", kBareWord);
      case 'B':
        return fmt::format("(?:(?<=[{0}])(?=[{0}])|(?<![{0}])(?![{0}]))", kBareWord);
      default:
        return taken;
    }
  }

  void class_escape(Set& set) {
    const std::string taken = take_escape();
    switch (taken[1]) {
      case 's':
        set.items += kSpaces;
        break;
      case 'S':
        set.items += kNoSpaces;
        break;
      case 'w':
        set.items += kWord;
        break;
      case 'W':
        set.alternatives.push_back(fmt::format("[^{}]", kWord));
        break;
      case 'd':
        set.items += "\\p{Nd}";
        break;
      case 'D':
        set.items += "\\P{Nd}";
        break;
      case 'h':
        set.items += kHex;
        break;
      case 'H':
        set.alternatives.push_back(fmt::format("[^{}]", kHex));
        break;
      default:
        set.items += taken;
    }
  }

  /// "[:alpha:]" or "[:^alpha:]", as Unicode has it.
  void posix_class(Set& set) {
    static constexpr std::pair<std::string_view, std::string_view> kClasses[] = {{"alpha", "\\p{Alphabetic}"},
                                                                                 {"digit", "\\p{Nd}"},
                                                                                 {"alnum", "\\p{Alphabetic}\\p{Nd}"},
                                                                                 {"upper", "\\p{Uppercase}"},
                                                                                 {"lower", "\\p{Lowercase}"},
                                                                                 {"space", kSpaces},
                                                                                 {"punct", "\\p{P}\\p{S}"},
                                                                                 {"word", kWord},
                                                                                 {"xdigit", kHex},
                                                                                 {"cntrl", "\\p{Cc}"},
                                                                                 {"blank", "\\t\\p{Zs}"}};
    const size_t end = pattern_.find(":]", at_);
    std::string_view name = pattern_.substr(at_ + 2, end - at_ - 2);
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    const auto* known =
        std::find_if(std::begin(kClasses), std::end(kClasses), [=](const auto& c) { return c.first == name; });
    if (known == std::end(kClasses)) fail("the class [:" + std::string(name) + ":]");
    if (negated) {
      set.alternatives.push_back(fmt::format("[^{}]", known->second));
    } else {
      set.items += known->second;
    }
    at_ = end + 2;
  }

  /// From '[' to its ']'. An expression that matches one character.
  std::string char_class(int depth) {
    if (depth > kMaxNesting) fail("character classes nested too deeply");
    ++at_;
    const bool negated = !done() && peek() == '^';
    if (negated) ++at_;
    std::vector<Set> operands(1);  // of &&
    for (bool first = true;; first = false) {
      if (done()) fail("an unclosed character class");
      Set& set = operands.back();
      if (peek() == ']' && !first) break;
      if (pattern_.substr(at_, 2) == "&&") {
        operands.emplace_back();
        at_ += 2;
      } else if (pattern_.substr(at_, 2) == "[:" && pattern_.find(":]", at_) != std::string_view::npos) {
        posix_class(set);
      } else if (peek() == '[') {
        set.alternatives.push_back(char_class(depth + 1));
      } else if (peek() == '\\') {
        class_escape(set);
      } else {
        if (peek() == ']') set.items += '\\';  // a class may start with it
        set.items += pattern_[at_++];
      }
    }
    ++at_;
    if (operands.size() == 1) return operands[0].expression(negated);
    std::string all;
    for (size_t i = 0; i + 1 < operands.size(); ++i) all += fmt::format("(?={})", operands[i].expression(false));
    all += operands.back().expression(false);
    return negated ? fmt::format("(?:(?!{})(?s:.))", all) : fmt::format("(?:{})", all);
  }

  /// "(?m-i:" with Ruby's m, which lets a dot match newlines.
  std::string group_options() {
    size_t end = at_ + 2;
    while (end < pattern_.size() && std::string_view("imx-").find(pattern_[end]) != std::string_view::npos) ++end;
    std::string options(pattern_.substr(at_, end - at_));
    if (end < pattern_.size() && (pattern_[end] == ':' || pattern_[end] == ')')) {
      for (char& option : options) option = option == 'm' ? 's' : option;
    }
    at_ = end;
    return options;
  }

  std::string_view pattern_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string pcre2_from_oniguruma(std::string_view pattern) { return Translator(pattern).translate(); }

}  // namespace orrery::text
