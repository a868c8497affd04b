// Tokens to a syntax tree.
#pragma once

#include <string_view>

#include "orrery/text/chat/jinja/ast.h"

namespace orrery::text::jinja {

/// Parses as jinja2 does with the extensions of Hugging Face's environment (loopcontrols, generation). Names are not
/// resolved yet. Throws Failure with its place.
Template parse(std::string_view source);

}  // namespace orrery::text::jinja
