// Base64 (RFC 4648, section 4).
#pragma once

#include <string>
#include <string_view>

namespace orrery::text {

/// Line breaks are skipped; padding may be left out. Throws Error naming `where` for a character outside the alphabet,
/// more behind the padding, and a text that is cut off.
std::string decode_base64(std::string_view text, const std::string& where);

}  // namespace orrery::text
