#include "orrery/text/chat/tools/json_scanner.h"

#include <cctype>

namespace orrery::text {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

JsonScanner::Step JsonScanner::push(char c) {
  switch (at_) {
    case At::kString:
      if (c == '"') {
        if (!key_) return ended_value();
        at_ = At::kColon;
        return Step::kMore;
      }
      if (c == '\\') at_ = At::kEscape;
      return static_cast<unsigned char>(c) < 0x20 ? Step::kBad : Step::kMore;
    case At::kEscape:
      at_ = c == 'u' ? At::kHex : At::kString;
      hex_left_ = 4;
      return std::string_view("\"\\/bfnrtu").find(c) == std::string_view::npos ? Step::kBad : Step::kMore;
    case At::kHex:
      if (!std::isxdigit(static_cast<unsigned char>(c))) return Step::kBad;
      if (--hex_left_ == 0) at_ = At::kString;
      return Step::kMore;
    case At::kWord:
      if (c != word_left_.front()) return Step::kBad;
      word_left_.remove_prefix(1);
      return word_left_.empty() ? ended_value() : Step::kMore;
    case At::kNumber:
      return number(c);
    default:
      break;
  }
  if (is_json_space(c)) return Step::kMore;
  switch (at_) {
    case At::kFirstKey:
      if (c == '}') return close('{');
      [[fallthrough]];
    case At::kKey:
      key_ = true;
      at_ = At::kString;
      return c == '"' ? Step::kMore : Step::kBad;
    case At::kColon:
      at_ = At::kValue;
      return c == ':' ? Step::kMore : Step::kBad;
    case At::kAfterValue:
      return after_value(c);
    case At::kFirstItem:
      if (c == ']') return close('[');
      [[fallthrough]];
    default:
      return value(c);
  }
}

JsonScanner::Step JsonScanner::value(char c) {
  const auto word = [&](std::string_view rest) {
    word_left_ = rest;
    at_ = At::kWord;
    return Step::kMore;
  };
  switch (c) {
    case '{':
      return open(c, At::kFirstKey);
    case '[':
      return open(c, At::kFirstItem);
    case '"':
      key_ = false;
      at_ = At::kString;
      return Step::kMore;
    case 't':
      return word("rue");
    case 'f':
      return word("alse");
    case 'n':
      return word("ull");
    default:
      if (c != '-' && !is_digit(c)) return Step::kBad;
      at_ = At::kNumber;
      number_ = c == '-' ? Number::kMinus : c == '0' ? Number::kZero : Number::kInteger;
      return Step::kMore;
  }
}

JsonScanner::Step JsonScanner::open(char bracket, At next) {
  if (open_.size() >= kMaxDepth) return Step::kBad;
  open_ += bracket;
  at_ = next;
  return Step::kMore;
}

JsonScanner::Step JsonScanner::close(char bracket) {
  if (open_.back() != bracket) return Step::kBad;
  open_.pop_back();
  return ended_value();
}

JsonScanner::Step JsonScanner::ended_value() {
  at_ = At::kAfterValue;
  return open_.empty() ? Step::kDone : Step::kMore;
}

JsonScanner::Step JsonScanner::after_value(char c) {
  if (c == '}') return close('{');
  if (c == ']') return close('[');
  if (c != ',') return Step::kBad;
  at_ = open_.back() == '{' ? At::kKey : At::kValue;
  return Step::kMore;
}

JsonScanner::Step JsonScanner::number(char c) {
  const auto go = [&](Number next) {
    number_ = next;
    return Step::kMore;
  };
  const bool digit = is_digit(c), e = c == 'e' || c == 'E';
  bool may_end = true;
  switch (number_) {
    case Number::kMinus:
      if (digit) return go(c == '0' ? Number::kZero : Number::kInteger);
      may_end = false;
      break;
    case Number::kInteger:
      if (digit) return Step::kMore;
      [[fallthrough]];
    case Number::kZero:
      if (c == '.') return go(Number::kPoint);
      if (e) return go(Number::kE);
      break;
    case Number::kPoint:
      if (digit) return go(Number::kFraction);
      may_end = false;
      break;
    case Number::kFraction:
      if (digit) return Step::kMore;
      if (e) return go(Number::kE);
      break;
    case Number::kE:
      if (c == '+' || c == '-') return go(Number::kESign);
      [[fallthrough]];
    case Number::kESign:
      if (digit) return go(Number::kExponent);
      may_end = false;
      break;
    case Number::kExponent:
      if (digit) return Step::kMore;
  }
  if (!may_end) return Step::kBad;
  if (open_.empty()) return Step::kEnded;
  at_ = At::kAfterValue;
  return push(c);  // a blank, a comma or a bracket: one step deep
}

}  // namespace orrery::text
