// str.format and str.format_map (Python's library reference, "Format String Syntax"), with the sandbox's attribute
// access.
#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/format.h"
#include "orrery/text/chat/jinja/markup.h"
#include "orrery/text/chat/jinja/operations.h"

namespace orrery::text::jinja {
namespace {

constexpr int kMaxNesting = 2;  // a format inside of a format specification, as Python's string.Formatter

bool all_digits(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789") == text.npos; }

class BraceFormatter {
 public:
  BraceFormatter(const CallArgs& args, const Value* mapping, bool markup)
      : args_(args), mapping_(mapping), markup_(markup) {}

  std::string run(std::string_view text, int nesting) {
    if (nesting < 0) throw Failure("Max string recursion exceeded");
    TextBuilder out;
    for (size_t pos = 0; pos < text.size();) {
      const char c = text[pos++];
      if (c != '{' && c != '}') {
        const size_t end = std::min(text.find_first_of("{}", pos), text.size());
        out.append(text.substr(pos - 1, end - pos + 1));
        pos = end;
      } else if (pos < text.size() && text[pos] == c) {
        out.append(c);
        ++pos;
      } else if (c == '}') {
        throw Failure("Single '}' encountered in format string");
      } else {
        out.append(replacement(field(text, pos), nesting));
      }
    }
    return out.take();
  }

 private:
  // The text between the braces; `pos` moves past the closing one.
  static std::string_view field(std::string_view text, size_t& pos) {
    const size_t begin = pos;
    int open = 1;
    bool inside_index = false;
    for (; pos < text.size(); ++pos) {
      const char c = text[pos];
      if (c == '[') inside_index = true;
      if (c == ']') inside_index = false;
      if (inside_index) continue;
      if (c == '{') ++open;
      if (c == '}' && --open == 0) return text.substr(begin, pos++ - begin);
    }
    throw Failure(begin == text.size() ? "Single '{' encountered in format string"
                                       : "expected '}' before end of string");
  }

  std::string replacement(std::string_view field, int nesting) {
    Budget::current().step();
    size_t end = 0;
    bool inside_index = false;
    for (; end < field.size(); ++end) {
      if (field[end] == '[') inside_index = true;
      if (field[end] == ']') inside_index = false;
      if (field[end] == '{') throw Failure("unexpected '{' in field name");
      if (!inside_index && (field[end] == ':' || field[end] == '!')) break;
    }
    const std::string_view name = field.substr(0, end);
    char conversion = 0;
    if (end < field.size() && field[end] == '!') {
      if (end + 1 >= field.size()) throw Failure("end of string while looking for conversion specifier");
      conversion = field[end + 1];
      end += 2;
      if (end < field.size() && field[end] != ':') throw Failure("expected ':' after conversion specifier");
    }
    const std::string_view raw_spec = end < field.size() ? field.substr(end + 1) : std::string_view();
    const Value value = converted(lookup(name), conversion);
    const std::string spec = run(raw_spec, nesting - 1);
    if (!markup_) return format_value(value, spec);
    if (value.is_markup() && !spec.empty()) throw Failure("Unsupported format specification for Markup.");
    return value.is_markup() ? value.bytes() : escape_html(format_value(value, spec));
  }

  static Value converted(const Value& value, char conversion) {
    switch (conversion) {
      case 0:
        return value;
      case 's':
        return Value::text(to_text(value));
      case 'r':
        return Value::text(repr(value));
      case 'a':
        return Value::text(ascii_repr(value));
      default:
        throw Failure(std::string("Unknown conversion specifier '") + conversion + "'");
    }
  }

  Value lookup(std::string_view name) {
    if (name.empty()) {
      if (numbering_ == Numbering::manual)
        throw Failure("cannot switch from manual field specification to automatic field numbering");
      numbering_ = Numbering::automatic;
      return argument(next_++);
    }
    if (all_digits(name)) {
      if (numbering_ == Numbering::automatic && next_ > 0)
        throw Failure("cannot switch from automatic field numbering to manual field specification");
      numbering_ = Numbering::manual;
    }
    size_t pos = std::min(name.find_first_of(".["), name.size());
    Value value = first(name.substr(0, pos));
    while (pos < name.size()) value = member(value, name, pos);
    return value;
  }

  Value first(std::string_view name) {
    if (all_digits(name)) return argument(number(name));
    if (mapping_ != nullptr) {
      const Value* found = mapping_->is_dict() ? mapping_->dict().find(name) : nullptr;
      if (found != nullptr) return *found;
    } else {
      for (const auto& [key, value] : args_.keywords)
        if (key == name) return value;
    }
    throw Failure("KeyError: " + repr_of_text(name));
  }

  static Value member(const Value& value, std::string_view name, size_t& pos) {
    Budget::current().step();
    if (name[pos] == '.') {
      const size_t end = std::min(name.find_first_of(".[", pos + 1), name.size());
      const std::string_view attribute = name.substr(pos + 1, end - pos - 1);
      if (attribute.empty()) throw Failure("Empty attribute in format string");
      pos = end;
      return get_attribute(value, attribute);
    }
    if (name[pos] != '[') throw Failure("Only '.' or '[' may follow ']' in format field specifier");
    const size_t end = name.find(']', pos);
    if (end == name.npos) throw Failure("Missing ']' in format string");
    const std::string_view key = name.substr(pos + 1, end - pos - 1);
    if (key.empty()) throw Failure("Empty attribute in format string");
    pos = end + 1;
    return get_item(value, all_digits(key) ? Value(static_cast<int64_t>(number(key))) : Value::text(std::string(key)));
  }

  static size_t number(std::string_view digits) {
    if (digits.size() > 18) throw Failure("Too many decimal digits in format string");
    return std::stoull(std::string(digits));
  }

  const Value& argument(size_t index) const {
    if (index >= args_.positional.size())
      throw Failure("Replacement index " + std::to_string(index) + " out of range for positional args tuple");
    return args_.positional[index];
  }

  enum class Numbering { unknown, automatic, manual };

  const CallArgs& args_;
  const Value* mapping_;
  bool markup_;
  Numbering numbering_ = Numbering::unknown;
  size_t next_ = 0;
};

}  // namespace

Value format_braces(const Value& text, const CallArgs& args, const Value* mapping) {
  return Value::text(BraceFormatter(args, mapping, text.is_markup()).run(text.bytes(), kMaxNesting), text.is_markup());
}

}  // namespace orrery::text::jinja
