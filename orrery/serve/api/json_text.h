// JSON written piece by piece, where a tree would cost more than the text.
#pragma once

#include <string>
#include <string_view>

namespace orrery::serve {

/// Appends `text` as a JSON string, quotes and all. What is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

}  // namespace orrery::serve
