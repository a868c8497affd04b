// Unicode normalisation forms (UAX 15).
#pragma once

#include <string>

namespace orrery::text {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

/// Replaces UTF-8 text by its form. Linear but for sorting runs of combining marks.
void normalize_unicode(std::string& text, UnicodeForm form);

}  // namespace orrery::text
