// The methods and attributes of Python's built-in types.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "orrery/text/chat/jinja/objects.h"
#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

/// A method or attribute of a text, list, tuple, dict or number; nullopt when the type has none of that name. Methods
/// that would change the object come back undefined, as the sandbox has it.
std::optional<Value> method_of(const Value& object, std::string_view name);
/// "__class__" and kin: attributes that every Python object has and the sandbox hides.
bool is_special_attribute(std::string_view name);

std::span<const Method> text_case_methods();    ///< upper, isdigit, … (text_case_methods.cpp)
std::span<const Method> text_search_methods();  ///< find, startswith, split, … (text_search_methods.cpp)
std::span<const Method> text_layout_methods();  ///< strip, center, join, replace, … (text_layout_methods.cpp)

// Pieces that filters use too.
Value strip(const Value& text, const Value& characters, bool left = true, bool right = true);  ///< none: white space
Value center(const Value& text, int64_t width, const std::string& fill);
Value replace(const Value& text, std::string_view old, std::string_view replacement, int64_t count);
std::vector<Value> split_words(const Value& text, int64_t max_splits);  ///< at white space, as str.split()
std::vector<Value> split_lines(const Value& text, bool keep_ends);
bool is_lower_text(std::string_view text);
bool is_upper_text(std::string_view text);

}  // namespace orrery::text::jinja
