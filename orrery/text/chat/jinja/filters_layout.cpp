// Filters that lay text out: center, indent, trim, truncate, wordwrap.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/filters.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

const Value& require_text(const Value& value) {
  if (value.is_undefined()) value.use_undefined();
  if (!value.is_text()) throw Failure("expected a text, not " + value.type_name());
  return value;
}

Value center_filter(const Value& value, const CallArgs& call) {
  const Arguments args("center", call, {"width"});
  return center(soft_text(value), args.integer(0, 80), " ");
}

Value trim(const Value& value, const CallArgs& call) {
  const Arguments args("trim", call, {"chars"});
  return strip(soft_text(value), args.get(0, Value()));
}

Value indent(const Value& value, const CallArgs& call) {
  const Arguments args("indent", call, {"width", "first", "blank"});
  require_text(value);
  const bool blank = args.truth(2);
  const Value width = args.get(0, Value(int64_t{4}));
  const std::string padding =
      width.is_text() ? width.bytes() : multiply(Value::text(" "), Value(as_index(width))).bytes();
  TextBuilder out;
  if (args.truth(1)) out.append(padding);
  const std::vector<Value> lines = split_lines(add(value, Value::text("\n")), false);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      out.append('\n');
      if (blank || !lines[i].bytes().empty()) out.append(padding);
    }
    out.append(lines[i].bytes());
  }
  return Value::text(out.take(), value.is_markup());
}

Value truncate(const Value& value, const CallArgs& call) {
  const Arguments args("truncate", call, {"length", "killwords", "end", "leeway"});
  const int64_t length = args.integer(0, 255), leeway = args.has_value(3) ? args.integer(3, 5) : 5;
  const Value end = args.get(2, Value::text("..."));
  const int64_t end_length = checked_length(end);
  if (length < end_length)
    throw Failure("expected length >= " + std::to_string(end_length) + ", got " + std::to_string(length));
  if (leeway < 0) throw Failure("expected leeway >= 0, got " + std::to_string(leeway));
  if (checked_length(value) <= length + leeway) return value;
  require_text(value);
  Value head = substring(value.str(), 0, length - end_length);
  if (!args.truth(1)) {
    const size_t space = head.bytes().rfind(' ');
    if (space != std::string::npos) head = Value::text(head.bytes().substr(0, space), head.is_markup());
  }
  return add(head, end);
}

// textwrap.TextWrapper's wordsep_re: where a line may break. White space, words (perhaps up to a hyphen in them),
// em-dashes.
constexpr char kWordSeparator[] =
    R"re(([\t\n\x0b\x0c\r ]+)re"
    R"re(|(?<=[\w!"'&.,?])-{2,}(?=\w))re"
    R"re(|[^\t\n\x0b\x0c\r ]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W]))re"
    R"re(|(?=[\t\n\x0b\x0c\r ]|\z)|(?<=[\w!"'&.,?])(?=-{2,}\w))))re";
constexpr char kSpaceSeparator[] = R"re(([\t\n\x0b\x0c\r ]+))re";

class Pattern {
 public:
  explicit Pattern(const char* pattern) {
    int error;
    PCRE2_SIZE offset;
    code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &error,
                          &offset, nullptr);
  }
  ~Pattern() { pcre2_code_free(code_); }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  // Python's re.split with everything kept: matches and what lies between them, empty pieces left out.
  std::vector<std::string> split(const std::string& text) const {
    std::vector<std::string> pieces;
    std::unique_ptr<pcre2_match_data, void (*)(pcre2_match_data*)> match(
        pcre2_match_data_create_from_pattern(code_, nullptr), pcre2_match_data_free);
    size_t kept = 0;
    for (size_t pos = 0; pos < text.size();) {
      Budget::current().slow_work(static_cast<int64_t>(text.size() - pos));
      const int found = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), pos, PCRE2_NOTEMPTY,
                                    match.get(), nullptr);
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0) throw Failure("a text that wordwrap cannot split");
      const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(match.get());
      if (ends[0] > kept) pieces.push_back(text.substr(kept, ends[0] - kept));
      pieces.push_back(text.substr(ends[0], ends[1] - ends[0]));
      pos = kept = ends[1];
    }
    if (kept < text.size()) pieces.push_back(text.substr(kept));
    return pieces;
  }

 private:
  pcre2_code* code_;
};

size_t byte_offset(std::string_view text, int64_t characters) {
  size_t pos = 0;
  for (; characters > 0 && pos < text.size(); --characters) next_code_point(text, pos);
  return pos;
}

bool blank(const std::string& chunk) { return split_words(Value::text(chunk), 1).empty(); }

// textwrap.TextWrapper._wrap_chunks without indents and limits on lines.
std::vector<std::string> wrap(const std::string& text, int64_t width, bool break_long_words, bool break_on_hyphens) {
  if (width <= 0) throw Failure("invalid width " + std::to_string(width) + " (must be > 0)");
  static const Pattern hyphens(kWordSeparator), spaces(kSpaceSeparator);
  std::vector<std::string> chunks = (break_on_hyphens ? hyphens : spaces).split(text);
  std::reverse(chunks.begin(), chunks.end());
  std::vector<std::string> lines;
  while (!chunks.empty()) {
    if (!lines.empty() && blank(chunks.back())) chunks.pop_back();
    std::vector<std::string> line;
    int64_t used = 0;
    while (!chunks.empty()) {
      Budget::current().step();
      const int64_t size = count_code_points(chunks.back());
      if (used + size > width) break;
      line.push_back(std::move(chunks.back()));
      chunks.pop_back();
      used += size;
    }
    if (!chunks.empty() && count_code_points(chunks.back()) > width) {
      std::string& chunk = chunks.back();
      const int64_t room = width - used;
      if (break_long_words) {
        size_t end = byte_offset(chunk, std::max<int64_t>(room, 1));
        const size_t hyphen = break_on_hyphens ? std::string_view(chunk).substr(0, end).rfind('-') : std::string::npos;
        if (hyphen != std::string::npos && hyphen > 0 && chunk.find_first_not_of('-') < hyphen) end = hyphen + 1;
        Budget::current().work(static_cast<int64_t>(chunk.size()));
        line.push_back(chunk.substr(0, end));
        chunk.erase(0, end);
      } else if (line.empty()) {
        line.push_back(std::move(chunk));
        chunks.pop_back();
      }
    }
    if (!line.empty() && blank(line.back())) line.pop_back();
    if (line.empty()) continue;
    lines.emplace_back();
    for (const std::string& piece : line) lines.back() += piece;
  }
  return lines;
}

Value wordwrap(const Value& value, const CallArgs& call) {
  const Arguments args("wordwrap", call, {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  require_text(value);
  const std::string separator = args.has_value(2) ? args.text(2).bytes : "\n";
  TextBuilder out;
  bool first_line = true;
  for (const Value& paragraph : split_lines(value, false)) {
    if (!first_line) out.append(separator);
    first_line = false;
    const auto lines = wrap(paragraph.bytes(), args.integer(0, 79), args.truth(1, true), args.truth(3, true));
    for (size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) out.append(separator);
      out.append(lines[i]);
    }
  }
  return Value::text(out.take());
}

constexpr Filter kLayoutFilters[] = {
    {"center", center_filter}, {"trim", trim}, {"indent", indent}, {"truncate", truncate}, {"wordwrap", wordwrap},
};

}  // namespace

std::span<const Filter> layout_filters() { return kLayoutFilters; }

}  // namespace orrery::text::jinja
