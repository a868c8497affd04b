// Template text to tokens, with jinja2's rules for white space around tags (trim_blocks and lstrip_blocks on).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "orrery/text/chat/jinja/failure.h"
#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

struct Token {
  enum class Type { data, variable_begin, variable_end, block_begin, block_end, name, text, integer, real, op, end };
  Type type;
  Position at;
  std::string text;  ///< of a name, text, data or operator
  Value number;      ///< of an integer or real

  bool is_op(std::string_view symbol) const { return type == Type::op && text == symbol; }
  bool is_name(std::string_view name) const { return type == Type::name && text == name; }
};

/// Ends with one token of type end. Throws Failure with its place.
std::vector<Token> tokenize(std::string_view source);

}  // namespace orrery::text::jinja
