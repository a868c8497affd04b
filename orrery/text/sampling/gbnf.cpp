#include "orrery/text/sampling/gbnf.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "orrery/base/error.h"

namespace orrery::text {

namespace {

constexpr int kMaxGroups = 200, kMaxRepeats = 10;  // bound the depth of the tree

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }

class Parser {
 public:
  Parser(std::string_view text, const TokenTrie& trie) : text_(text), trie_(trie) {}

  Gbnf parse(std::string_view root) {
    skip_space(true);
    while (!at_end()) rule();
    for (size_t i = 0; i < out_.rules.size(); ++i)
      if (!defined_[i]) fail(first_use_[i], fmt::format("the undefined rule \"{}\"", out_.rules[i].name));
    const auto found = index_.find(std::string(root));
    if (found == index_.end()) fail(text_.size(), "no rule \"" + std::string(root) + "\"", "one: the text as a whole");
    out_.root = found->second;
    out_.text = text_;
    return std::move(out_);
  }

 private:
  using Kind = GbnfNode::Kind;

  bool at_end() const { return at_ >= text_.size(); }
  char peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool take(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  [[noreturn]] void fail(size_t position, std::string found, std::string expected = {}) const {
    gbnf_error(text_, position, std::move(found), std::move(expected));
  }
  std::string found_here() const { return at_end() ? "the end" : fmt::format("\"{}\"", next_character()); }
  std::string next_character() const {
    size_t end = at_;
    return read_code_point(text_, end) == UINT32_MAX ? fmt::format("\\x{:02X}", uint8_t(text_[at_]))
                                                     : std::string(text_.substr(at_, end - at_));
  }

  // Blanks and comments; newlines too where the rule goes on behind them.
  void skip_space(bool newlines) {
    while (!at_end()) {
      const char c = peek();
      if (c == '#') {
        while (!at_end() && peek() != '\n' && peek() != '\r') ++at_;
      } else if (c == ' ' || c == '\t' || (newlines && (c == '\n' || c == '\r'))) {
        ++at_;
      } else {
        break;
      }
    }
  }

  std::string name() {
    const size_t begin = at_;
    while (is_word(peek())) ++at_;
    if (at_ == begin) fail(at_, found_here(), "a rule name");
    return std::string(text_.substr(begin, at_ - begin));
  }

  uint32_t rule_index(std::string name, size_t position) {
    const auto [found, is_new] = index_.emplace(name, uint32_t(out_.rules.size()));
    if (is_new) {
      out_.rules.push_back({.name = std::move(name)});
      defined_.push_back(false);
      first_use_.push_back(position);
    }
    return found->second;
  }

  void rule() {
    const size_t position = at_;
    const uint32_t index = rule_index(name(), position);
    if (defined_[index]) fail(position, fmt::format("a second rule \"{}\"", out_.rules[index].name));
    defined_[index] = true;
    skip_space(false);
    if (!take("::=")) fail(at_, found_here(), "::=");
    skip_space(true);
    GbnfNode body = alternatives(false);
    if (!at_end() && peek() != '\n' && peek() != '\r') fail(at_, found_here(), "a symbol, | or the end of the line");
    out_.rules[index].body = std::move(body);
    out_.rules[index].position = uint32_t(position);
    skip_space(true);
  }

  GbnfNode alternatives(bool nested) {
    GbnfNode node{.kind = Kind::kAlternatives, .position = uint32_t(at_)};
    do {
      skip_space(true);
      node.children.push_back(sequence(nested));
    } while (take("|"));
    return node.children.size() == 1 ? std::move(node.children.front()) : node;
  }

  GbnfNode sequence(bool nested) {
    GbnfNode node{.kind = Kind::kSequence, .position = uint32_t(at_)};
    int repeats = 0;  // directly around one another, as in a*?
    for (;;) {
      const char c = peek();
      if (c == '*' || c == '+' || c == '?' || c == '{') {
        if (node.children.empty()) fail(at_, found_here(), "something to repeat before it");
        if (++repeats > kMaxRepeats) fail(at_, "more than 10 repetitions of one symbol");
        repeat(node.children.back(), nested);
      } else if (c == '"' || c == '[' || c == '.' || c == '(' || c == '<' || c == '!' || is_word(c)) {
        node.children.push_back(symbol(nested));
        repeats = 0;
      } else {
        return node;
      }
      skip_space(nested);
    }
  }

  GbnfNode symbol(bool nested) {
    const uint32_t position = uint32_t(at_);
    switch (peek()) {
      case '"':
        return literal();
      case '[':
        return char_class();
      case '.':
        ++at_;
        return {.kind = Kind::kChars, .position = position, .chars = complement({})};
      case '(':
        return group();
      case '<':
      case '!':
        return token();
      default: {
        std::string rule_name = name();
        const size_t end = at_;
        skip_space(nested);
        // Inside a group newlines do not end a rule, so that a forgotten ) would make the next rule's name a symbol.
        if (nested && text_.substr(at_).starts_with("::=")) fail(position, "a rule inside a group", ")");
        at_ = end;
        return {.kind = Kind::kRule, .position = position, .rule = rule_index(std::move(rule_name), position)};
      }
    }
  }

  GbnfNode group() {
    const size_t open = at_++;
    if (++nesting_ > kMaxGroups) fail(open, "groups nested deeper than 200");
    GbnfNode node = alternatives(true);
    if (!take(")")) fail(at_, found_here(), "a symbol, | or )");
    --nesting_;
    return node;
  }

  GbnfNode literal() {
    GbnfNode node{.kind = Kind::kLiteral, .position = uint32_t(at_++)};
    while (peek() != '"') append_utf8(node.literal, character(true));
    ++at_;
    return node;
  }

  GbnfNode char_class() {
    GbnfNode node{.kind = Kind::kChars, .position = uint32_t(at_++)};
    const bool negated = take("^");
    CodePoints ranges;
    while (peek() != ']') {
      const size_t begin = at_;
      const uint32_t low = character(false);
      uint32_t high = low;
      if (peek() == '-' && peek(1) != ']') {
        ++at_;
        high = character(false);
      }
      if (high < low) fail(begin, "a range that ends before it begins");
      ranges.emplace_back(low, high);
    }
    ++at_;
    if (ranges.empty()) fail(node.position, "an empty character class", "characters, or . for any");
    node.chars = negated ? complement(ranges) : normalized(ranges);
    if (node.chars.empty()) fail(node.position, "a character class that no character is in");
    return node;
  }

  uint32_t character(bool in_literal) {
    if (at_end()) fail(at_, "the end", in_literal ? "a closing \"" : "a closing ]");
    const size_t begin = at_;
    if (peek() != '\\') {
      const uint32_t code = read_code_point(text_, at_);
      if (code == UINT32_MAX) fail(begin, found_here(), "UTF-8");
      return code;
    }
    const char escape = peek(1);
    at_ = std::min(at_ + 2, text_.size());
    switch (escape) {
      case 'x':
        return hex(begin, 2, in_literal);
      case 'u':
        return hex(begin, 4, in_literal);
      case 'U':
        return hex(begin, 8, in_literal);
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'n':
        return '\n';
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
        return uint8_t(escape);
      default:
        fail(begin, "an unknown escape", R"(\n \r \t \\ \" \[ \] \- \xXX \uXXXX or \UXXXXXXXX)");
    }
  }

  uint32_t hex(size_t begin, int digits, bool in_literal) {
    uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = peek();
      const char lower = char(c | 0x20);
      if (!is_digit(c) && !(lower >= 'a' && lower <= 'f'))
        fail(at_, found_here(), fmt::format("{} hex digits", digits));
      code = code << 4 | uint32_t(is_digit(c) ? c - '0' : lower - 'a' + 10);
      ++at_;
    }
    // A range may begin or end between surrogates; no text has one.
    if (code > 0x10FFFF || (in_literal && code >= 0xD800 && code <= 0xDFFF))
      fail(begin, fmt::format("U+{:04X}", code), "a Unicode scalar value");
    return code;
  }

  GbnfNode token() {
    GbnfNode node{.kind = Kind::kToken, .position = uint32_t(at_)};
    node.negated = take("!");
    if (peek() != '<') fail(at_, found_here(), "<");
    const size_t begin = at_++;
    if (take("[")) {
      node.token = TokenId(integer());
      if (!take("]>")) fail(at_, found_here(), "]>");
      if (node.token >= trie_.vocab())
        fail(begin, fmt::format("token {}", node.token), fmt::format("0 to {}", trie_.vocab() - 1));
      return node;
    }
    while (!at_end() && peek() != '>') ++at_;
    if (!take(">")) fail(at_, "the end", ">");
    const std::string_view text = text_.substr(begin, at_ - begin);
    const auto found = trie_.find(text);
    if (!found) fail(begin, std::string(text), "a single token of the vocabulary");
    node.token = *found;
    return node;
  }

  uint32_t integer() {
    if (!is_digit(peek())) fail(at_, found_here(), "a number");
    const size_t begin = at_;
    uint64_t value = 0;
    while (is_digit(peek())) {
      value = value * 10 + uint64_t(text_[at_++] - '0');
      if (value >= INT32_MAX) fail(begin, "a number above 2147483646");
    }
    return uint32_t(value);
  }

  void repeat(GbnfNode& item, bool nested) {
    GbnfNode node{.kind = Kind::kRepeat, .position = uint32_t(at_)};
    switch (text_[at_++]) {
      case '*':
        break;
      case '+':
        node.min = 1;
        break;
      case '?':
        node.max = 1;
        break;
      default:
        counts(node, nested);
    }
    node.children.push_back(std::move(item));
    item = std::move(node);
  }

  void counts(GbnfNode& node, bool nested) {
    skip_space(nested);
    node.min = node.max = integer();
    skip_space(nested);
    if (take(",")) {
      skip_space(nested);
      node.max = GbnfNode::kNoMax;
      if (is_digit(peek())) node.max = integer();
      skip_space(nested);
    }
    if (!take("}")) fail(at_, found_here(), "} after the counts");
    if (node.max < node.min)
      fail(node.position, fmt::format("{{{},{}}}", node.min, node.max), "the smaller count first");
  }

  std::string_view text_;
  const TokenTrie& trie_;
  size_t at_ = 0;
  int nesting_ = 0;
  Gbnf out_;
  std::unordered_map<std::string, uint32_t> index_;
  std::vector<bool> defined_;
  std::vector<size_t> first_use_;
};

}  // namespace

Gbnf parse_gbnf(std::string_view text, const TokenTrie& trie, std::string_view root) {
  return Parser(text, trie).parse(root);
}

void gbnf_error(std::string_view text, size_t position, std::string found, std::string expected, std::string advice) {
  const std::string_view before = text.substr(0, position);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t column = position - (before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1) + 1;
  throw Error({.doing = "read a grammar",
               .where = fmt::format("line {}, column {}", line, column),
               .found = std::move(found),
               .expected = std::move(expected),
               .advice = std::move(advice)});
}

}  // namespace orrery::text
