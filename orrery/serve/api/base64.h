// Base64 (RFC 4648, section 4).
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace orrery::serve {

/// With its padding, in one line.
std::string base64(std::span<const std::byte> bytes);

}  // namespace orrery::serve
