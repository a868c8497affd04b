// The files of the studio and of the viewer, as they are served: bundled at build time and part of the program.
#pragma once

#include <span>
#include <string_view>

namespace orrery::web {

struct Asset {
  std::string_view path;  // as requested: "/" is the studio's page, all else lies under "/studio/" and "/scene/"
  std::string_view content_type;  // for the header of that name, with the charset of text
  std::string_view encoding;      // for Content-Encoding: "gzip"; empty where the bytes are the file itself
  std::string_view bytes;
  std::string_view etag;  // quoted, and the same for the same bytes
};

/// Every file; they live as long as the program.
std::span<const Asset> assets();

/// The file of a path, or null.
const Asset* find(std::string_view path);

}  // namespace orrery::web
