// What begins the parts of a zip file (PKWARE's APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12 and 4.3.16).
#pragma once

#include <cstdint>

namespace orrery::formats::zip {

constexpr uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50, kEnd = 0x06054b50;

}  // namespace orrery::formats::zip
