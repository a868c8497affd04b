// printf-style formatting: text % argument (Python's library reference, "printf-style String Formatting").
#include <cmath>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/format.h"
#include "orrery/text/chat/jinja/markup.h"
#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

struct Conversion {
  bool left = false, plus = false, space = false, alternate = false, zero = false;
  int64_t width = 0, precision = -1;
  char type = 0;
};

class PercentFormatter {
 public:
  PercentFormatter(const Str& format, const Value& argument)
      : text_(format.bytes), markup_(format.markup), argument_(argument) {}

  std::string run() {
    while (pos_ < text_.size()) {
      const size_t percent = std::min(text_.find('%', pos_), text_.size());
      out_.append(std::string_view(text_).substr(pos_, percent - pos_));
      pos_ = percent;
      if (pos_ < text_.size()) convert();
    }
    // A mapping (anything with items that is no tuple or text) may hold more than the format uses.
    const bool is_mapping = argument_.is_dict() || argument_.is_list() || argument_.is_undefined() ||
                            (argument_.is_object() && argument_.object().has_items());
    const size_t given = argument_.is_tuple() ? argument_.items().size() : is_mapping ? 0 : 1;
    if (!used_mapping_ && next_ < given) throw Failure("not all arguments converted during string formatting");
    return out_.take();
  }

 private:
  char peek() const {
    if (pos_ >= text_.size()) throw Failure("incomplete format");
    return text_[pos_];
  }

  const Value& next_argument() {
    if (used_mapping_) return current_;
    const bool single = !argument_.is_tuple();
    if (next_ >= (single ? 1 : argument_.items().size())) throw Failure("not enough arguments for format string");
    return single ? (++next_, argument_) : argument_.items()[next_++];
  }

  int64_t count(const char* what) {
    int64_t value = 0;
    if (peek() == '*') {
      ++pos_;
      const Value& given = next_argument();
      if (!given.is_integral()) throw Failure("* wants int");
      value = given.integer();
    } else {
      while (peek() >= '0' && peek() <= '9') {
        value = value * 10 + (text_[pos_++] - '0');
        if (value > Budget::current().output_bytes()) throw Failure(what);
      }
    }
    if (std::abs(value) > Budget::current().output_bytes()) throw Failure(what);
    return value;
  }

  void key() {
    if (!argument_.is_dict() && !argument_.is_list() && !argument_.is_undefined())
      throw Failure("format requires a mapping");
    const size_t begin = ++pos_;
    for (int open = 1; open > 0; ++pos_) {
      if (pos_ >= text_.size()) throw Failure("incomplete format key");
      if (text_[pos_] == '(') ++open;
      if (text_[pos_] == ')') --open;
    }
    const std::string name = text_.substr(begin, pos_ - begin - 1);
    const Value* found = argument_.is_dict() ? argument_.dict().find(name) : nullptr;
    if (argument_.is_undefined()) argument_.use_undefined();
    if (found == nullptr) throw Failure("KeyError: " + repr_of_text(name));
    current_ = *found;
    used_mapping_ = true;
  }

  void convert() {
    Budget::current().step();
    ++pos_;
    Conversion conversion;
    if (peek() == '(') key();
    for (bool flag = true; flag;) {
      switch (peek()) {
        case '-':
          conversion.left = true;
          break;
        case '+':
          conversion.plus = true;
          break;
        case ' ':
          conversion.space = true;
          break;
        case '#':
          conversion.alternate = true;
          break;
        case '0':
          conversion.zero = true;
          break;
        default:
          flag = false;
      }
      if (flag) ++pos_;
    }
    conversion.width = count("width too big");
    if (conversion.width < 0) {
      conversion.left = true;
      conversion.width = -conversion.width;
    }
    if (peek() == '.') {
      ++pos_;
      conversion.precision = std::max<int64_t>(count("precision too big"), 0);
    }
    if (peek() == 'h' || peek() == 'l' || peek() == 'L') ++pos_;
    conversion.type = peek();
    const size_t type_begin = pos_;
    next_code_point(text_, pos_);
    if (conversion.type == '%') {
      out_.append('%');
      return;
    }
    if (std::string_view("sracdiuoxXeEfFgG").find(conversion.type) == std::string_view::npos)
      throw Failure("unsupported format character '" + text_.substr(type_begin, pos_ - type_begin) + "'");
    append(conversion, next_argument());
  }

  void append(const Conversion& conversion, const Value& value) {
    switch (conversion.type) {
      case 's':
      case 'r':
      case 'a': {
        std::string body = conversion.type == 's'   ? to_text(value)
                           : conversion.type == 'r' ? repr(value)
                                                    : ascii_repr(value);
        if (markup_) body = conversion.type == 's' ? escaped(value) : escape_html(body);
        pad(conversion, "", cut(std::move(body), conversion.precision), false);
        break;
      }
      case 'c':
        pad(conversion, "", character(value), false);
        break;
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        append_integer(conversion, value);
        break;
      default:
        append_real(conversion, value);
    }
  }

  static std::string cut(std::string body, int64_t precision) {
    if (precision < 0) return body;
    size_t end = 0;
    for (int64_t i = 0; i < precision && end < body.size(); ++i) next_code_point(body, end);
    body.resize(end);
    return body;
  }

  static std::string character(const Value& value) {
    if (value.is_text() && value.str().length == 1) return value.bytes();
    if (!value.is_integral()) throw Failure("%c requires int or char");
    const int64_t c = value.integer();
    if (c < 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) throw Failure("%c arg not in range(0x110000)");
    return utf8(static_cast<char32_t>(c));
  }

  static std::string sign(const Conversion& conversion, bool negative) {
    return negative ? "-" : conversion.plus ? "+" : conversion.space ? " " : "";
  }

  void append_integer(const Conversion& conversion, const Value& value) {
    const int base = conversion.type == 'o' ? 8 : (conversion.type | 0x20) == 'x' ? 16 : 10;
    if (value.is_undefined()) value.use_undefined();
    if (!value.is_integral() && !(value.is_real() && base == 10))
      throw Failure(std::string("%") + conversion.type + " format: a real number is required, not " +
                    value.type_name());
    if (value.is_real() && !(std::abs(value.real()) < 9.2e18))
      throw Failure("cannot convert a float so large to an integer");
    const int64_t whole = value.is_real() ? static_cast<int64_t>(value.real()) : value.integer();
    const uint64_t magnitude = whole < 0 ? 0 - static_cast<uint64_t>(whole) : static_cast<uint64_t>(whole);
    std::string digits = format_magnitude(magnitude, base);
    const int64_t missing = conversion.precision - static_cast<int64_t>(digits.size());
    if (missing > 0) digits.insert(0, missing, '0');
    std::string prefix = sign(conversion, whole < 0);
    if (conversion.alternate && base != 10) prefix += std::string("0") + conversion.type;
    if (conversion.type == 'X') digits = upper(digits);
    pad(conversion, prefix, digits, conversion.zero);
  }

  void append_real(const Conversion& conversion, const Value& value) {
    if (value.is_undefined()) value.use_undefined();
    if (!value.is_number()) throw Failure("must be real number, not " + value.type_name());
    const double d = value.real();
    const char style = static_cast<char>(conversion.type | 0x20);
    std::string body =
        format_magnitude(std::abs(d), style, conversion.precision < 0 ? 6 : conversion.precision, conversion.alternate);
    if (conversion.type < 'a') body = upper(body);
    pad(conversion, sign(conversion, std::signbit(d) && !std::isnan(d)), body, conversion.zero);
  }

  void pad(const Conversion& conversion, const std::string& prefix, const std::string& body, bool zeros) {
    const int64_t missing = conversion.width - count_code_points(prefix) - count_code_points(body);
    const std::string fill(std::max<int64_t>(missing, 0), zeros && !conversion.left ? '0' : ' ');
    if (conversion.left)
      out_.append(prefix + body + fill);
    else
      out_.append(zeros ? prefix + fill + body : fill + prefix + body);
  }

  const std::string& text_;
  bool markup_;
  const Value& argument_;
  TextBuilder out_;
  size_t pos_ = 0, next_ = 0;
  bool used_mapping_ = false;
  Value current_;
};

}  // namespace

std::string ascii_repr(const Value& value) {
  const std::string text = repr(value);
  std::string out;
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = next_code_point(text, pos);
    if (c < 0x80) {
      out += static_cast<char>(c);
      continue;
    }
    char buffer[12];
    const char* format = c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x";
    out.append(buffer, std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c)));
  }
  return out;
}

Value format_percent(const Value& text, const Value& argument) {
  return Value::text(PercentFormatter(text.str(), argument).run(), text.is_markup());
}

}  // namespace orrery::text::jinja
