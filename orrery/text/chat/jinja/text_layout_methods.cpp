// str's methods that lay text out: strip, pad, replace, join, format.
#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/format.h"
#include "orrery/text/chat/jinja/markup.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/search.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

template <bool left, bool right>
Value strip_method(const Value& self, const CallArgs& call) {
  const Arguments args("strip", call, {"chars"}, 0, Arguments::positional_only);
  return strip(self, args.get(0, Value()), left, right);
}

std::string spaces(const std::string& fill, int64_t count) {
  std::string out;
  if (count <= 0) return out;
  Budget::current().text(count * static_cast<int64_t>(fill.size()));
  for (int64_t i = 0; i < count; ++i) out += fill;
  return out;
}

std::string fill_character(const Value& self, const Arguments& args) {
  if (!args.has(1)) return " ";
  const std::string fill = self.is_markup() ? escaped(args[1]) : args.text(1).bytes;
  if (count_code_points(fill) != 1) throw Failure("The fill character must be exactly one character long");
  return fill;
}

template <bool left>
Value justify(const Value& self, const CallArgs& call) {
  const Arguments args("ljust", call, {"width", "fillchar"}, 1, Arguments::positional_only);
  const std::string padding = spaces(fill_character(self, args), args.integer(0, 0) - self.str().length);
  return Value::text(left ? self.bytes() + padding : padding + self.bytes(), self.is_markup());
}

Value center_method(const Value& self, const CallArgs& call) {
  const Arguments args("center", call, {"width", "fillchar"}, 1, Arguments::positional_only);
  return center(self, args.integer(0, 0), fill_character(self, args));
}

Value zfill(const Value& self, const CallArgs& call) {
  const Arguments args("zfill", call, {"width"}, 1, Arguments::positional_only);
  const std::string& bytes = self.bytes();
  const std::string zeros = spaces("0", args.integer(0, 0) - self.str().length);
  const size_t sign = !bytes.empty() && (bytes[0] == '+' || bytes[0] == '-');
  return Value::text(bytes.substr(0, sign) + zeros + bytes.substr(sign), self.is_markup());
}

Value expandtabs(const Value& self, const CallArgs& call) {
  const Arguments args("expandtabs", call, {"tabsize"});
  const int64_t tab = args.integer(0, 8);
  TextBuilder out;
  int64_t column = 0;
  const std::string& bytes = self.bytes();
  for (size_t pos = 0; pos < bytes.size();) {
    const size_t begin = pos;
    const char32_t c = next_code_point(bytes, pos);
    if (c == '\t') {
      const int64_t width = tab > 0 ? tab - column % tab : 0;
      out.append(spaces(" ", width));
      column += width;
    } else {
      out.append(std::string_view(bytes).substr(begin, pos - begin));
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return Value::text(out.take(), self.is_markup());
}

Value replace_method(const Value& self, const CallArgs& call) {
  const Arguments args("replace", call, {"old", "new", "count"}, 2, Arguments::positional_only);
  const std::string& old = args.text(0).bytes;
  const std::string replacement = self.is_markup() ? escaped(args[1]) : args.text(1).bytes;
  return replace(self, old, replacement, args.integer(2, -1));
}

Value join_texts(const Value& self, const CallArgs& call) {
  const Arguments args("join", call, {"iterable"}, 1, Arguments::positional_only);
  const auto stream = iterate(args[0]);
  TextBuilder out;
  int64_t index = 0;
  for (Value item; stream->next(item); ++index) {
    Budget::current().step();
    if (!item.is_text() && !self.is_markup())
      throw Failure("sequence item " + std::to_string(index) + ": expected str instance, " + item.type_name() +
                    " found");
    if (index > 0) out.append(self.bytes());
    out.append(self.is_markup() ? escaped(item) : item.bytes());
  }
  return Value::text(out.take(), self.is_markup());
}

template <bool prefix>
Value remove_affix(const Value& self, const CallArgs& call) {
  const Arguments args("removeprefix", call, {"affix"}, 1, Arguments::positional_only);
  const std::string& bytes = self.bytes();
  const std::string& affix = args.text(0).bytes;
  if (prefix ? !bytes.starts_with(affix) : !bytes.ends_with(affix)) return self;
  const size_t rest = bytes.size() - affix.size();
  return Value::text(prefix ? bytes.substr(affix.size()) : bytes.substr(0, rest), self.is_markup());
}

Value format(const Value& self, const CallArgs& args) { return format_braces(self, args); }

Value format_map(const Value& self, const CallArgs& call) {
  const Arguments args("format_map", call, {"mapping"}, 1, Arguments::positional_only);
  return format_braces(self, CallArgs{}, &args[0]);
}

Value unsupported_method(const Value&, const CallArgs&) {
  throw Failure("encode, maketrans and translate are not supported in chat templates");
}

constexpr Method kLayoutMethods[] = {
    {"strip", strip_method<true, true>},
    {"lstrip", strip_method<true, false>},
    {"rstrip", strip_method<false, true>},
    {"ljust", justify<true>},
    {"rjust", justify<false>},
    {"center", center_method},
    {"zfill", zfill},
    {"expandtabs", expandtabs},
    {"replace", replace_method},
    {"join", join_texts},
    {"removeprefix", remove_affix<true>},
    {"removesuffix", remove_affix<false>},
    {"format", format},
    {"format_map", format_map},
    {"encode", unsupported_method},
    {"maketrans", unsupported_method},
    {"translate", unsupported_method},
};

}  // namespace

Value strip(const Value& text, const Value& characters, bool left, bool right) {
  if (!characters.is_none() && !characters.is_text()) throw Failure("strip arg must be None or str");
  const std::string& bytes = text.bytes();
  const std::u32string set = characters.is_none() ? std::u32string() : code_points(characters.bytes());
  const auto strips = [&](char32_t c) { return characters.is_none() ? is_space(c) : set.find(c) != set.npos; };
  Budget::current().work(static_cast<int64_t>(bytes.size()) * (1 + static_cast<int64_t>(set.size()) / 16));
  size_t begin = 0, end = bytes.size();
  while (left && begin < end) {
    size_t next = begin;
    if (!strips(next_code_point(bytes, next))) break;
    begin = next;
  }
  while (right && end > begin) {
    size_t previous = end;
    if (!strips(previous_code_point(bytes, previous))) break;
    end = previous;
  }
  if (begin == 0 && end == bytes.size()) return text;
  return Value::text(bytes.substr(begin, end - begin), text.is_markup());
}

Value center(const Value& text, int64_t width, const std::string& fill) {
  const int64_t missing = width - text.str().length;
  if (missing <= 0) return text;
  const int64_t left = missing / 2 + (missing & width & 1);  // CPython puts the odd one left when the width is odd
  return Value::text(spaces(fill, left) + text.bytes() + spaces(fill, missing - left), text.is_markup());
}

Value replace(const Value& text, std::string_view old, std::string_view replacement, int64_t count) {
  const std::string_view bytes = text.bytes();
  TextBuilder out;
  size_t pos = 0;
  if (old.empty()) {
    for (bool inside = true; inside && count != 0; --count) {
      out.append(replacement);
      inside = pos < bytes.size();
      const size_t begin = pos;
      if (inside) next_code_point(bytes, pos);
      out.append(bytes.substr(begin, pos - begin));
    }
  } else {
    for (; count != 0; --count) {
      const size_t found = find_first(bytes, old, pos);
      if (found == bytes.npos) break;
      out.append(bytes.substr(pos, found - pos));
      out.append(replacement);
      pos = found + old.size();
    }
  }
  out.append(bytes.substr(pos));
  return Value::text(out.take(), text.is_markup());
}

std::span<const Method> text_layout_methods() { return kLayoutMethods; }

}  // namespace orrery::text::jinja
