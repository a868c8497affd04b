// Base64 (RFC 4648, section 4).
#pragma once

#include <string>
#include <string_view>

namespace orrery::text {

/// Throws Error naming `where` for a character outside the alphabet; line breaks and padding are skipped.
std::string decode_base64(std::string_view text, const std::string& where);

}  // namespace orrery::text
