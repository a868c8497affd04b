// str's methods that look for something: find, count, startswith, split, partition.
#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/search.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

Value piece(const Value& self, size_t begin, size_t end) {
  return Value::text(self.bytes().substr(begin, end - begin), self.is_markup());
}

// The bytes that [start:end] of a method's optional arguments selects.
struct Window {
  size_t begin, end;
  bool empty_past_end;  // start > length: even the empty text is not found there
};

Window window(const Str& text, const Arguments& args, size_t first) {
  const auto bound = [&](size_t i, int64_t otherwise) {
    if (!args.has_value(i)) return otherwise;
    const int64_t index = as_index(args[i]);
    return index < 0 ? std::max<int64_t>(index + text.length, 0) : index;
  };
  const int64_t start = bound(first, 0), end = std::min(bound(first + 1, text.length), text.length);
  if (start > text.length || start > end) return {text.bytes.size(), text.bytes.size(), true};
  return {text.offset(start), text.offset(end), false};
}

enum class Missing { minus_one, error };

template <bool from_right, Missing when_missing>
Value find(const Value& self, const CallArgs& call) {
  const Arguments args("find", call, {"sub", "start", "end"}, 1, Arguments::positional_only);
  const std::string& needle = args.text(0).bytes;
  const Window range = window(self.str(), args, 1);
  const std::string_view area = std::string_view(self.bytes()).substr(0, range.end);
  size_t found = std::string_view::npos;
  if (!range.empty_past_end && needle.size() <= range.end - range.begin)
    found = from_right ? find_last(area, needle) : find_first(area, needle, range.begin);
  if (found == area.npos || found < range.begin) {
    if (when_missing == Missing::error) throw Failure("substring not found");
    return Value(int64_t{-1});
  }
  return Value(count_code_points(area.substr(0, found)));
}

Value count(const Value& self, const CallArgs& call) {
  const Arguments args("count", call, {"sub", "start", "end"}, 1, Arguments::positional_only);
  const std::string& needle = args.text(0).bytes;
  const Window range = window(self.str(), args, 1);
  if (range.empty_past_end) return Value(int64_t{0});
  const std::string_view area = std::string_view(self.bytes()).substr(range.begin, range.end - range.begin);
  if (needle.empty()) return Value(count_code_points(area) + 1);
  int64_t found = 0;
  for (size_t pos = find_first(area, needle); pos != area.npos; pos = find_first(area, needle, pos + needle.size()))
    ++found;
  return Value(found);
}

template <bool at_start>
Value has_affix(const Value& self, const CallArgs& call) {
  const Arguments args("startswith", call, {"prefix", "start", "end"}, 1, Arguments::positional_only);
  const Window range = window(self.str(), args, 1);
  const std::string_view area = std::string_view(self.bytes()).substr(range.begin, range.end - range.begin);
  const auto matches = [&](const Value& affix) {
    if (!affix.is_text())
      throw Failure("startswith/endswith first arg must be str or a tuple of str, not " + affix.type_name());
    if (range.empty_past_end) return false;
    return at_start ? area.starts_with(affix.bytes()) : area.ends_with(affix.bytes());
  };
  if (args[0].is_undefined()) args[0].use_undefined();
  if (!args[0].is_tuple()) return Value(matches(args[0]));
  return Value(std::any_of(args[0].items().begin(), args[0].items().end(), matches));
}

std::vector<Value> split_words_from_right(const Value& text, int64_t max_splits) {
  const std::string& bytes = text.bytes();
  std::vector<Value> words;
  size_t end = bytes.size();
  const auto skip = [&](bool spaces) {
    while (end > 0) {
      size_t begin = end;
      if (is_space(previous_code_point(bytes, begin)) != spaces) return;
      end = begin;
    }
  };
  for (skip(true); end > 0; skip(true)) {
    const size_t word_end = end;
    if (max_splits >= 0 && static_cast<int64_t>(words.size()) >= max_splits) {
      words.push_back(piece(text, 0, word_end));
      break;
    }
    skip(false);
    words.push_back(piece(text, end, word_end));
  }
  std::reverse(words.begin(), words.end());
  return words;
}

std::vector<Value> split_at(const Value& text, const std::string& separator, int64_t max_splits, bool from_right) {
  if (separator.empty()) throw Failure("empty separator");
  const std::string_view bytes = text.bytes();
  std::vector<Value> parts;
  const auto more = [&] { return max_splits < 0 || static_cast<int64_t>(parts.size()) < max_splits; };
  size_t begin = 0, end = bytes.size();
  if (from_right) {
    while (more() && end >= separator.size()) {
      const size_t found = find_last(bytes.substr(0, end), separator);
      if (found == bytes.npos) break;
      parts.push_back(piece(text, found + separator.size(), end));
      end = found;
    }
    parts.push_back(piece(text, 0, end));
    std::reverse(parts.begin(), parts.end());
    return parts;
  }
  while (more()) {
    const size_t found = find_first(bytes, separator, begin);
    if (found == bytes.npos) break;
    parts.push_back(piece(text, begin, found));
    begin = found + separator.size();
  }
  parts.push_back(piece(text, begin, end));
  return parts;
}

template <bool from_right>
Value split(const Value& self, const CallArgs& call) {
  const Arguments args("split", call, {"sep", "maxsplit"});
  const int64_t max_splits = args.integer(1, -1);
  if (args.has_value(0)) return Value::list(split_at(self, args.text(0).bytes, max_splits, from_right));
  return Value::list(from_right ? split_words_from_right(self, max_splits) : split_words(self, max_splits));
}

Value splitlines(const Value& self, const CallArgs& call) {
  const Arguments args("splitlines", call, {"keepends"});
  return Value::list(split_lines(self, args.has(0) && as_index(args[0]) != 0));
}

template <bool from_right>
Value partition(const Value& self, const CallArgs& call) {
  const Arguments args("partition", call, {"sep"}, 1, Arguments::positional_only);
  const std::string& separator = args.text(0).bytes;
  if (separator.empty()) throw Failure("empty separator");
  const std::string& bytes = self.bytes();
  const size_t found = from_right ? find_last(bytes, separator) : find_first(bytes, separator);
  const Value empty = Value::text("", self.is_markup());
  if (found == bytes.npos) return from_right ? Value::tuple({empty, empty, self}) : Value::tuple({self, empty, empty});
  return Value::tuple({piece(self, 0, found), Value::text(separator, self.is_markup()),
                       piece(self, found + separator.size(), bytes.size())});
}

constexpr Method kSearchMethods[] = {
    {"find", find<false, Missing::minus_one>},
    {"rfind", find<true, Missing::minus_one>},
    {"index", find<false, Missing::error>},
    {"rindex", find<true, Missing::error>},
    {"count", count},
    {"startswith", has_affix<true>},
    {"endswith", has_affix<false>},
    {"split", split<false>},
    {"rsplit", split<true>},
    {"splitlines", splitlines},
    {"partition", partition<false>},
    {"rpartition", partition<true>},
};

bool is_line_end(char32_t c) {
  return (c >= 10 && c <= 13) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

}  // namespace

std::vector<Value> split_words(const Value& text, int64_t max_splits) {
  const std::string& bytes = text.bytes();
  Budget::current().slow_work(static_cast<int64_t>(bytes.size()));
  std::vector<Value> words;
  size_t pos = 0;
  const auto skip = [&](bool spaces) {
    while (pos < bytes.size()) {
      size_t next = pos;
      if (is_space(next_code_point(bytes, next)) != spaces) return;
      pos = next;
    }
  };
  for (skip(true); pos < bytes.size(); skip(true)) {
    const size_t begin = pos;
    if (max_splits >= 0 && static_cast<int64_t>(words.size()) >= max_splits) {
      words.push_back(piece(text, begin, bytes.size()));
      break;
    }
    skip(false);
    words.push_back(piece(text, begin, pos));
  }
  return words;
}

std::vector<Value> split_lines(const Value& text, bool keep_ends) {
  const std::string& bytes = text.bytes();
  std::vector<Value> lines;
  size_t begin = 0;
  for (size_t pos = 0; pos < bytes.size();) {
    const size_t end = pos;
    const char32_t c = next_code_point(bytes, pos);
    if (!is_line_end(c)) continue;
    if (c == '\r' && pos < bytes.size() && bytes[pos] == '\n') ++pos;
    lines.push_back(piece(text, begin, keep_ends ? pos : end));
    begin = pos;
  }
  if (begin < bytes.size()) lines.push_back(piece(text, begin, bytes.size()));
  return lines;
}

std::span<const Method> text_search_methods() { return kSearchMethods; }

}  // namespace orrery::text::jinja
