#include "orrery/text/chat/jinja/filters.h"

#include <algorithm>

#include "orrery/text/chat/jinja/operations.h"
#include "orrery/text/chat/jinja/unicode.h"

namespace orrery::text::jinja {
namespace {

bool is_index(std::string_view text) {
  return !text.empty() && text.size() < 19 && text.find_first_not_of("0123456789") == text.npos;
}

}  // namespace

const Filter* find_filter(std::string_view name) {
  for (auto filters :
       {text_filters(), layout_filters(), number_filters(), sequence_filters(), order_filters(), select_filters()}) {
    const auto it = std::find_if(filters.begin(), filters.end(), [&](const Filter& f) { return f.name == name; });
    if (it != filters.end()) return &*it;
  }
  return nullptr;
}

Value attribute_of(const Value& item, const Value& path, const Value& fallback) {
  if (path.is_none()) return item;
  Value value = item;
  const auto follow = [&](const Value& part) {
    Budget::current().step();
    value = get_item(value, part);
    if (!fallback.is_none() && value.is_undefined()) value = fallback;
  };
  if (!path.is_text()) {
    follow(path);
    return value;
  }
  const std::string_view names = path.bytes();
  for (size_t begin = 0; begin <= names.size();) {
    const size_t end = std::min(names.find('.', begin), names.size());
    const std::string name(names.substr(begin, end - begin));
    follow(is_index(name) ? Value(static_cast<int64_t>(std::stoll(name))) : Value::text(name));
    begin = end + 1;
  }
  return value;
}

Value ignore_case(const Value& value) {
  if (!value.is_text()) return value;
  Budget::current().slow_work(value.str().length);
  return Value::text(lower(value.bytes()), value.is_markup());
}

}  // namespace orrery::text::jinja
