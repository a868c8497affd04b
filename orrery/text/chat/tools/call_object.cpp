#include "orrery/text/chat/tools/call_object.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace orrery::text {

namespace {

// What the JSON string says; empty where it is none.
std::string unquoted(const std::string& json) {
  const auto value = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : std::string();
}

}  // namespace

bool is_call_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0 ||
           std::string_view("_-.:/").find(c) != std::string_view::npos;
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), fits);
}

CallObject::Step CallObject::push(char c) {
  switch (at_) {
    case At::kKeyText: {
      text_ += c;
      const auto step = scanner_.push(c);
      if (step == JsonScanner::Step::kDone) return end_of_key();
      return step == JsonScanner::Step::kBad || text_.size() > kMaxName ? Step::kBad : Step::kMore;
    }
    case At::kValue:
      return value(c);
    default:
      break;
  }
  if (at_ != At::kBrace && is_json_space(c)) return Step::kMore;
  switch (at_) {
    case At::kBrace:
      at_ = At::kFirstKey;
      return c == '{' ? Step::kMore : Step::kBad;
    case At::kColon:
      at_ = At::kValue;
      value_began_ = false;
      scanner_.reset();
      return c == ':' ? Step::kMore : Step::kBad;
    case At::kComma:
      return after_value(c);
    default:  // a key; an object without any is no call
      if (c != '"') return Step::kBad;
      text_ = c;
      scanner_.reset();
      scanner_.push(c);
      at_ = At::kKeyText;
      return Step::kMore;
  }
}

CallObject::Step CallObject::end_of_key() {
  const std::string key = unquoted(text_);
  value_ = Value::kOther;
  if (key == name_key_ || key == "name") {
    if (name_.empty()) value_ = Value::kName;
  } else if (key == "arguments" || key == "parameters") {
    if (!has_arguments_) value_ = Value::kArguments;
  } else if (bare_ && key != "type" && key != "id") {
    return Step::kBad;
  }
  text_.clear();
  at_ = At::kColon;
  return Step::kMore;
}

CallObject::Step CallObject::value(char c) {
  const bool blank = !value_began_ && is_json_space(c);
  if (!blank && !value_began_) {
    value_began_ = true;
    if (value_ == Value::kArguments) {
      if (c != '{') return Step::kBad;
      has_arguments_ = true;
    }
    if (value_ == Value::kName && c != '"') return Step::kBad;
  }
  const auto step = scanner_.push(c);
  if (step == JsonScanner::Step::kBad) return Step::kBad;
  if (step == JsonScanner::Step::kEnded) {
    at_ = At::kComma;
    return push(c);
  }
  if (step == JsonScanner::Step::kDone) at_ = At::kComma;
  if (value_ == Value::kName && !blank) {
    text_ += c;
    if (text_.size() > kMaxName) return Step::kBad;
    if (step == JsonScanner::Step::kDone) {
      name_ = unquoted(text_);
      if (!is_call_name(name_)) return Step::kBad;
    }
  }
  return value_ == Value::kArguments && !blank ? Step::kArguments : Step::kMore;
}

CallObject::Step CallObject::after_value(char c) {
  if (c == ',') {
    at_ = At::kKey;
    return Step::kMore;
  }
  return c == '}' && !name_.empty() ? Step::kDone : Step::kBad;
}

}  // namespace orrery::text
