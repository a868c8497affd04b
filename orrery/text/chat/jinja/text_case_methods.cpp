// str's methods about letters: case mappings and predicates.
#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

template <std::string (*map)(std::string_view)>
Value mapped_method(const Value& self, const CallArgs& args) {
  Arguments("str method", args, {});
  Budget::current().slow_work(self.str().length);
  return Value::text(map(self.bytes()), self.is_markup());
}

template <bool (*accepts)(char32_t), bool when_empty = false>
Value all(const Value& self, const CallArgs& args) {
  Arguments("str method", args, {});
  const std::string& text = self.bytes();
  Budget::current().slow_work(self.str().length);
  for (size_t pos = 0; pos < text.size();)
    if (!accepts(next_code_point(text, pos))) return Value(false);
  return Value(when_empty || !text.empty());
}

bool is_ascii(char32_t c) { return c < 0x80; }

// There is a cased letter, and none of the wrong case.
bool all_cased(std::string_view text, bool (*right)(char32_t), bool (*wrong)(char32_t)) {
  Budget::current().slow_work(static_cast<int64_t>(text.size()));
  bool found = false;
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = next_code_point(text, pos);
    if (wrong(c) || is_title(c)) return false;
    found |= right(c);
  }
  return found;
}

Value is_lower_method(const Value& self, const CallArgs& args) {
  Arguments("islower", args, {});
  return Value(is_lower_text(self.bytes()));
}

Value is_upper_method(const Value& self, const CallArgs& args) {
  Arguments("isupper", args, {});
  return Value(is_upper_text(self.bytes()));
}

Value is_title_method(const Value& self, const CallArgs& args) {
  Arguments("istitle", args, {});
  bool found = false, inside_word = false;
  const std::string& text = self.bytes();
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = next_code_point(text, pos);
    const bool capital = is_upper(c) || is_title(c);
    if (capital ? inside_word : is_lower(c) && !inside_word) return Value(false);
    inside_word = capital || is_lower(c);
    found |= inside_word;
  }
  return Value(found);
}

Value is_identifier_method(const Value& self, const CallArgs& args) {
  Arguments("isidentifier", args, {});
  const std::string& text = self.bytes();
  size_t pos = 0;
  if (text.empty() || !is_identifier_start(next_code_point(text, pos))) return Value(false);
  while (pos < text.size())
    if (!is_identifier_part(next_code_point(text, pos))) return Value(false);
  return Value(true);
}

constexpr Method kCaseMethods[] = {
    {"upper", mapped_method<upper>},
    {"lower", mapped_method<lower>},
    {"title", mapped_method<title>},
    {"capitalize", mapped_method<capitalize>},
    {"swapcase", mapped_method<swapcase>},
    {"casefold", mapped_method<casefold>},
    {"isalpha", all<is_alpha>},
    {"isalnum", all<is_alnum>},
    {"isdecimal", all<is_decimal>},
    {"isdigit", all<is_digit>},
    {"isnumeric", all<is_numeric>},
    {"isspace", all<is_space>},
    {"isprintable", all<is_printable, true>},
    {"isascii", all<is_ascii, true>},
    {"islower", is_lower_method},
    {"isupper", is_upper_method},
    {"istitle", is_title_method},
    {"isidentifier", is_identifier_method},
};

}  // namespace

bool is_lower_text(std::string_view text) { return all_cased(text, is_lower, is_upper); }
bool is_upper_text(std::string_view text) { return all_cased(text, is_upper, is_lower); }

std::span<const Method> text_case_methods() { return kCaseMethods; }

}  // namespace orrery::text::jinja
