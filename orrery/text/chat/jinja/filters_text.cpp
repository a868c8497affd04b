// Filters that turn a value into text or text into other text of the same layout.
#include <algorithm>

#include "orrery/text/chat/jinja/arguments.h"
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/filters.h"
#include "orrery/text/chat/jinja/format.h"
#include "orrery/text/chat/jinja/json.h"
#include "orrery/text/chat/jinja/markup.h"
#include "orrery/text/chat/jinja/methods.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

template <std::string (*map)(std::string_view)>
Value mapped_filter(const Value& value, const CallArgs& call) {
  Arguments("filter", call, {});
  const Value text = soft_text(value);
  Budget::current().slow_work(text.str().length);
  return Value::text(map(text.bytes()), text.is_markup());
}

// Jinja's own idea of a word: what follows white space or one of -({[<.
std::string title_words(std::string_view text) {
  const auto separates = [](char32_t c) {
    return is_space(c) || (c < 0x80 && std::string_view("-({[<").find(c) != std::string_view::npos);
  };
  std::string out;
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const char32_t first = next_code_point(text, pos);
    if (separates(first)) {
      out += text.substr(begin, pos - begin);
      continue;
    }
    out += upper(text.substr(begin, pos - begin));
    const size_t rest = pos;
    while (pos < text.size()) {
      size_t next = pos;
      if (separates(next_code_point(text, next))) break;
      pos = next;
    }
    out += lower(text.substr(rest, pos - rest));
  }
  return out;
}

Value title_filter(const Value& value, const CallArgs& call) {
  Arguments("title", call, {});
  const Value text = soft_text(value);
  Budget::current().slow_work(text.str().length);
  return Value::text(title_words(text.bytes()));
}

Value string_filter(const Value& value, const CallArgs& call) {
  Arguments("string", call, {});
  return soft_text(value);
}

Value escape_filter(const Value& value, const CallArgs& call) {
  Arguments("escape", call, {}, 0, Arguments::positional_only);
  return Value::text(escaped(value), true);
}

Value force_escape(const Value& value, const CallArgs& call) {
  Arguments("forceescape", call, {});
  return Value::text(escape_html(to_text(value)), true);
}

Value safe(const Value& value, const CallArgs& call) {
  Arguments("safe", call, {});
  return value.is_markup() ? value : Value::text(to_text(value), true);
}

Value striptags(const Value& value, const CallArgs& call) {
  Arguments("striptags", call, {});
  return strip_tags(Value::text(to_text(value)));
}

Value replace_filter(const Value& value, const CallArgs& call) {
  const Arguments args("replace", call, {"old", "new", "count"}, 2);
  const int64_t count = args.has_value(2) ? args.integer(2, -1) : -1;
  const Value text = Value::text(to_text(value));
  Budget::current().work(static_cast<int64_t>(text.bytes().size()));
  return replace(text, to_text(args[0]), to_text(args[1]), count);
}

Value format_filter(const Value& value, const CallArgs& args) {
  const Value text = soft_text(value);
  if (args.keywords.empty()) return format_percent(text, Value::tuple(args.positional));
  if (!args.positional.empty()) throw Failure("can't handle positional and keyword arguments at the same time");
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, item] : args.keywords) dict->set(Value::text(name), item);
  return format_percent(text, Value(std::shared_ptr<const Dict>(std::move(dict))));
}

std::string url_quote(const std::string& text, bool for_query) {
  std::string out;
  for (unsigned char c : text) {
    const bool plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '.' ||
                       c == '-' || c == '~' || (c == '/' && !for_query);
    constexpr char kHex[] = "0123456789ABCDEF";
    if (plain)
      out += static_cast<char>(c);
    else if (c == ' ' && for_query)
      out += '+';
    else
      out += {'%', kHex[c >> 4], kHex[c & 15]};
  }
  return out;
}

Value urlencode(const Value& value, const CallArgs& call) {
  Arguments("urlencode", call, {});
  if (value.is_text() || !iterable(value)) return Value::text(url_quote(to_text(value), false));
  const Value pairs = value.is_dict() ? Value(std::make_shared<DictView>(value, DictView::Part::items)) : value;
  const auto stream = iterate(pairs);
  TextBuilder out;
  for (Value item; stream->next(item);) {
    Budget::current().step();
    const std::vector<Value> pair = collect(item);
    if (pair.size() != 2) throw Failure("urlencode needs pairs of key and value");
    if (out.size() > 0) out.append('&');
    out.append(url_quote(to_text(pair[0]), true) + "=" + url_quote(to_text(pair[1]), true));
  }
  return Value::text(out.take());
}

Value xmlattr(const Value& value, const CallArgs& call) {
  const Arguments args("xmlattr", call, {"autospace"});
  if (!value.is_dict()) throw Failure("'" + value.type_name() + "' object has no attribute 'items'");
  TextBuilder out;
  for (const auto& [key, item] : value.dict().items()) {
    if (item.is_none() || item.is_undefined()) continue;
    if (!key.is_text()) throw Failure("expected string or bytes-like object");
    if (key.bytes().find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      throw Failure("Invalid character in attribute name: " + repr(key));
    if (out.size() > 0 || args.truth(0, true)) out.append(' ');
    out.append(escaped(key) + "=\"" + escaped(item) + "\"");
  }
  return Value::text(out.take());
}

Value wordcount(const Value& value, const CallArgs& call) {
  Arguments("wordcount", call, {});
  const std::string text = to_text(value);
  Budget::current().slow_work(static_cast<int64_t>(text.size()));
  int64_t words = 0;
  bool inside = false;
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = next_code_point(text, pos);
    const bool part = is_alnum(c) || c == '_';
    words += part && !inside;
    inside = part;
  }
  return Value(words);
}

// The one-line form only; Python breaks what is longer than 80 columns.
Value pprint(const Value& value, const CallArgs& call) {
  Arguments("pprint", call, {});
  const Value text = Value::text(repr(value));
  if (text.str().length > 80) throw Failure("pprint of more than one line is not supported in chat templates");
  return text;
}

Value unsupported_filter(const Value&, const CallArgs&) {
  throw Failure("the filters random and urlize are not supported in chat templates");
}

constexpr Filter kTextFilters[] = {
    {"capitalize", mapped_filter<capitalize>},
    {"lower", mapped_filter<lower>},
    {"upper", mapped_filter<upper>},
    {"title", title_filter},
    {"string", string_filter},
    {"e", escape_filter},
    {"escape", escape_filter},
    {"forceescape", force_escape},
    {"safe", safe},
    {"striptags", striptags},
    {"replace", replace_filter},
    {"format", format_filter},
    {"urlencode", urlencode},
    {"xmlattr", xmlattr},
    {"wordcount", wordcount},
    {"pprint", pprint},
    {"tojson", tojson},
    {"random", unsupported_filter},
    {"urlize", unsupported_filter},
};

}  // namespace

std::span<const Filter> text_filters() { return kTextFilters; }

}  // namespace orrery::text::jinja
