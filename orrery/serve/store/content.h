// A message's content: a string, or OpenAI's list of parts.
#pragma once

#include "orrery/serve/store/fields.h"

namespace orrery::serve {

/// Throws StoreError kInvalid unless it is a string or a list of objects with a "type", of which "text" has a "text".
void check_content(const std::string& doing, std::string_view field, const Json& content);

/// What a reader would search: the string, or the parts of type "text", a line each.
std::string searchable_text(const Json& content);

}  // namespace orrery::serve
