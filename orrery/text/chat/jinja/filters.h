// jinja2's built-in filters and tests (Jinja documentation, "List of Builtin Filters" and "List of Builtin Tests").
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

struct Filter {
  std::string_view name;
  Value (*apply)(const Value& value, const CallArgs& args);
};
struct Test {
  std::string_view name;
  bool (*holds)(const Value& value, const CallArgs& args);
};

const Filter* find_filter(std::string_view name);  ///< nullptr when there is none
const Test* find_test(std::string_view name);

std::span<const Filter> text_filters();      ///< filters_text.cpp
std::span<const Filter> layout_filters();    ///< filters_layout.cpp
std::span<const Filter> number_filters();    ///< filters_number.cpp
std::span<const Filter> sequence_filters();  ///< filters_sequence.cpp
std::span<const Filter> order_filters();     ///< filters_order.cpp
std::span<const Filter> select_filters();    ///< filters_select.cpp

/// Looks an attribute path ("address.city", 0, none for the item itself) up as filters do; `fallback`, unless none,
/// replaces what is undefined on the way.
Value attribute_of(const Value& item, const Value& path, const Value& fallback = Value());
/// The text in lower case, anything else as it is.
Value ignore_case(const Value& value);

}  // namespace orrery::text::jinja
