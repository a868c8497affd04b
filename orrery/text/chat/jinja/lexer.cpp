#include "orrery/text/chat/jinja/lexer.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>

#include "orrery/text/chat/jinja/string_literal.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                           "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

bool is_digit_char(char c) { return c >= '0' && c <= '9'; }

// \r\n and \r become \n; one newline at the end of the template is not part of it.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r')
      out += source[i];
    else if (i + 1 == source.size() || source[i + 1] != '\n')
      out += '\n';
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)) {}

  std::vector<Token> run() {
    while (pos_ < source_.size()) template_text();
    add(Token::Type::end, pos_);
    return std::move(tokens_);
  }

 private:
  struct Tag {
    size_t begin, end;  // of the opening, with its sign
    char kind;          // { % # or r for a raw block
    char sign;          // - + or 0
  };

  char at(size_t i) const { return i < source_.size() ? source_[i] : '\0'; }
  bool has(size_t i, std::string_view text) const { return std::string_view(source_).substr(i).starts_with(text); }

  size_t skip_space(size_t i) const {
    while (i < source_.size()) {
      size_t next = i;
      if (!is_space(next_code_point(source_, next))) return i;
      i = next;
    }
    return i;
  }

  Position position(size_t i) {
    for (; counted_ < i; ++counted_) {
      if (source_[counted_] != '\n') continue;
      ++line_;
      line_begin_ = counted_ + 1;
    }
    return {line_, static_cast<int>(i - line_begin_) + 1};
  }

  [[noreturn]] void fail(const std::string& message, size_t i) { throw Failure(message, position(i)); }

  void add(Token::Type type, size_t begin, std::string text = {}, Value number = {}) {
    footprint_.grow(static_cast<int64_t>(sizeof(Token) + text.size()));
    tokens_.push_back({type, position(begin), std::move(text), std::move(number)});
  }

  char sign_at(size_t i) const { return at(i) == '-' || at(i) == '+' ? at(i) : '\0'; }

  Tag find_tag(size_t from) const {
    for (size_t i = source_.find('{', from); i != std::string::npos; i = source_.find('{', i + 1)) {
      const char kind = at(i + 1);
      if (kind != '{' && kind != '%' && kind != '#') continue;
      const char sign = sign_at(i + 2);
      Tag tag{i, i + 2 + (sign != 0), kind, sign};
      if (kind != '%') return tag;
      const size_t name = skip_space(tag.end);
      if (!has(name, "raw")) return tag;
      const size_t close = skip_space(name + 3);
      if (has(close, "%}")) return {i, close + 2, 'r', sign};
      if (has(close, "-%}")) return {i, skip_space(close + 3), 'r', sign};
      return tag;
    }
    return {source_.size(), source_.size(), 0, 0};
  }

  // The text before a tag: a minus strips all white space; else lstrip_blocks strips the indentation of a block or
  // comment that is the first thing on its line.
  std::string before_tag(size_t begin, size_t end, char sign, bool is_variable) const {
    std::string_view text = std::string_view(source_).substr(begin, end - begin);
    if (sign == '-') {
      size_t kept = text.size();
      while (kept > 0) {
        size_t previous = kept;
        if (!is_space(previous_code_point(text, previous))) break;
        kept = previous;
      }
      return std::string(text.substr(0, kept));
    }
    if (sign == '+' || is_variable) return std::string(text);
    const size_t newline = text.rfind('\n');
    const size_t line = newline == text.npos ? 0 : newline + 1;
    if (line == 0 && !line_starting_) return std::string(text);
    return std::string(skip_space(begin + line) >= end ? text.substr(0, line) : text);
  }

  void add_data(size_t begin, std::string text) {
    if (!text.empty()) add(Token::Type::data, begin, std::move(text));
  }

  void template_text() {
    const size_t begin = pos_;
    const Tag tag = find_tag(begin);
    if (tag.kind == 0) {
      add_data(begin, source_.substr(begin));
      pos_ = source_.size();
      return;
    }
    add_data(begin, before_tag(begin, tag.begin, tag.sign, tag.kind == '{'));
    pos_ = tag.end;
    line_starting_ = at(tag.end - 1) == '\n';
    switch (tag.kind) {
      case '#':
        return comment(tag);
      case 'r':
        return raw(tag);
      case '{':
        return code(tag, Token::Type::variable_begin, Token::Type::variable_end, "}}");
      default:
        return code(tag, Token::Type::block_begin, Token::Type::block_end, "%}");
    }
  }

  // If a tag's end stands at i: the position after it and after the white space it swallows; else npos.
  size_t tag_end(size_t i, std::string_view close, bool trims_newline, bool may_have_plus) const {
    if (at(i) == '-' && has(i + 1, close)) return skip_space(i + 1 + close.size());
    if (may_have_plus && at(i) == '+' && has(i + 1, close)) return i + 1 + close.size();
    if (!has(i, close)) return std::string::npos;
    const size_t end = i + close.size();
    return end + (trims_newline && at(end) == '\n');
  }

  void leave_tag(size_t end) {
    line_starting_ = at(end - 1) == '\n';
    pos_ = end;
  }

  void comment(const Tag& tag) {
    for (size_t i = source_.find('#', pos_), j; i != std::string::npos; i = source_.find('#', i + 1)) {
      if (!has(i, "#}")) continue;
      const bool signed_end = i > pos_ && sign_at(i - 1) != 0;
      j = tag_end(i - signed_end, "#}", true, true);
      return leave_tag(j);
    }
    if (pos_ < source_.size()) fail("Missing end of comment tag", tag.begin);  // jinja2 lets the very end pass
  }

  void raw(const Tag& tag) {
    for (size_t i = source_.find("{%", pos_); i != std::string::npos; i = source_.find("{%", i + 1)) {
      const char sign = sign_at(i + 2);
      const size_t name = skip_space(i + 2 + (sign != 0));
      if (!has(name, "endraw")) continue;
      const size_t end = tag_end(skip_space(name + 6), "%}", true, true);
      if (end == std::string::npos) continue;
      add_data(pos_, before_tag(pos_, i, sign, false));
      return leave_tag(end);
    }
    if (pos_ < source_.size()) fail("Missing end of raw directive", tag.begin);
  }

  void code(const Tag& tag, Token::Type begin_type, Token::Type end_type, std::string_view close) {
    add(begin_type, tag.begin);
    std::string open;  // the closing brackets that are due
    while (pos_ < source_.size()) {
      if (open.empty()) {
        const bool is_block = end_type == Token::Type::block_end;
        const size_t end = tag_end(pos_, close, is_block, is_block);
        if (end != std::string::npos) {
          add(end_type, pos_);
          return leave_tag(end);
        }
      }
      token(open);
    }
  }

  void token(std::string& open) {
    const size_t begin = pos_;
    if ((pos_ = skip_space(begin)) > begin) return;
    if (is_digit_char(at(begin))) return number();
    if (at(begin) == '\'' || at(begin) == '"') return text();
    size_t next = begin;
    if (is_name_part(next_code_point(source_, next))) return name();
    for (std::string_view symbol : kOperators) {
      if (!has(begin, symbol)) continue;
      balance(symbol[0], begin, open);
      add(Token::Type::op, begin, std::string(symbol));
      pos_ += symbol.size();
      return;
    }
    fail("unexpected char " + ("'" + source_.substr(begin, next - begin) + "'"), begin);
  }

  void balance(char c, size_t i, std::string& open) {
    if (c == '{' || c == '(' || c == '[') {
      open += c == '{' ? '}' : c == '(' ? ')' : ']';
    } else if (c == '}' || c == ')' || c == ']') {
      if (open.empty()) fail(std::string("unexpected '") + c + "'", i);
      if (open.back() != c) fail(std::string("unexpected '") + c + "', expected '" + open.back() + "'", i);
      open.pop_back();
    }
  }

  static bool is_name_part(char32_t c) {
    if (c < 0x80) return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    return is_identifier_part(c) || is_alnum(c);
  }

  void name() {
    const size_t begin = pos_;
    bool valid = true;
    while (pos_ < source_.size()) {
      size_t next = pos_;
      const char32_t c = next_code_point(source_, next);
      if (!is_name_part(c)) break;
      valid = valid && (pos_ == begin ? is_identifier_start(c) : is_identifier_part(c));
      pos_ = next;
    }
    if (!valid) fail("Invalid character in identifier", begin);
    add(Token::Type::name, begin, source_.substr(begin, pos_ - begin));
  }

  void text() {
    const size_t begin = pos_;
    const char quote = at(pos_++);
    while (pos_ < source_.size() && at(pos_) != quote) pos_ += at(pos_) == '\\' ? 2 : 1;
    if (pos_ >= source_.size()) fail(std::string("unexpected char ") + (quote == '"' ? "'\"'" : "\"'\""), begin);
    ++pos_;
    try {
      add(Token::Type::text, begin, unescape_literal(std::string_view(source_).substr(begin + 1, pos_ - begin - 2)));
    } catch (Failure& failure) {
      failure.locate(position(begin));
      throw;
    }
  }

  // Digits with single underscores between them; the position after them.
  template <class Accepts>
  size_t digits(size_t i, Accepts accepts) const {
    if (!accepts(at(i))) return i;
    while (accepts(at(i)) || (at(i) == '_' && accepts(at(i + 1)))) ++i;
    return i;
  }

  void number() {
    const size_t begin = pos_;
    if (real_number(begin)) return;
    int base = 10;
    if (at(begin) == '0') {
      const char letter = static_cast<char>(at(begin + 1) | 0x20);
      const auto accepts = [&](int candidate) {
        const auto digit = [=](char c) {
          return candidate == 16 ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c >= '0' && c < '0' + candidate;
        };
        size_t i = begin + 2;
        if (at(i) == '_') ++i;
        return digits(i, digit) > i ? digits(i, digit) : begin;
      };
      base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
      if (base != 10 && (pos_ = accepts(base)) == begin) base = 10;
      if (base == 10) pos_ = digits(begin, [](char c) { return c == '0'; });
    } else {
      pos_ = digits(begin, is_digit_char);
    }
    std::string plain = source_.substr(begin + (base != 10 ? 2 : 0), pos_ - begin - (base != 10 ? 2 : 0));
    std::erase(plain, '_');
    errno = 0;
    const long long value = std::strtoll(plain.c_str(), nullptr, base);
    if (errno != 0) fail("an integer that does not fit 64 bits", begin);
    add(Token::Type::integer, begin, {}, Value(static_cast<int64_t>(value)));
  }

  // A number with a fraction or an exponent; not after a dot (x.1.2 is two items).
  bool real_number(size_t begin) {
    if (begin > 0 && at(begin - 1) == '.') return false;
    size_t end = digits(begin, is_digit_char);
    const size_t whole = end;
    if (at(end) == '.' && is_digit_char(at(end + 1))) end = digits(end + 1, is_digit_char);
    if ((at(end) | 0x20) == 'e') {
      const size_t exponent = end + 1 + (at(end + 1) == '+' || at(end + 1) == '-');
      if (is_digit_char(at(exponent))) end = digits(exponent, is_digit_char);
    }
    if (end == whole) return false;
    std::string plain = source_.substr(begin, end - begin);
    std::erase(plain, '_');
    pos_ = end;
    add(Token::Type::real, begin, {}, Value(std::strtod(plain.c_str(), nullptr)));
    return true;
  }

  const std::string source_;
  std::vector<Token> tokens_;
  Footprint footprint_{0};
  size_t pos_ = 0;
  bool line_starting_ = true;
  size_t counted_ = 0, line_begin_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  Budget::current().text(static_cast<int64_t>(source.size()));
  if (count_code_points(source) < 0) throw Failure("a template that is not valid UTF-8");
  return Lexer(normalize_newlines(source)).run();
}

}  // namespace orrery::text::jinja
