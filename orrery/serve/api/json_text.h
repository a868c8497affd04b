// JSON written piece by piece, where a tree would cost more than the text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace orrery::serve {

/// Appends `text` as a JSON string, quotes and all. What is no UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

/// On one line. What is no UTF-8 (half a character of a running answer) becomes U+FFFD.
std::string dumped(const nlohmann::ordered_json& json);

}  // namespace orrery::serve
