// Text as the search compares it.
#pragma once

#include <string>
#include <string_view>

namespace orrery::serve {

/// Unicode case folding with compatibility decomposition (UAX 15, UTS 30's spirit): "STRASSE" = "straße", "ＡＢＣ" =
/// "abc", "é" = "e" + accent; invisible format characters go, and white space of any kind and length is one blank.
/// Stops at 16 MiB. Throws StoreError kInvalid for text that is not UTF-8.
std::string fold(std::string_view text);

/// The pattern of LIKE ... ESCAPE '!' that finds this folded text anywhere.
std::string like_pattern(std::string_view folded);

/// About 160 characters of the text, on one line, around the first place where its folded form holds `folded`; empty
/// where none does.
std::string snippet(std::string_view text, std::string_view folded);

}  // namespace orrery::serve
