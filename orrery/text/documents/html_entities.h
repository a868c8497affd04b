// Character references of HTML (WHATWG HTML, section 13.2.5.72).
#pragma once

#include <string>
#include <string_view>

namespace orrery::text {

/// Takes the reference at the beginning of `html` ("&amp;", "&#xE9;", "&eacute"), which starts with '&', appends what
/// it means and returns its bytes. What is none is taken as one '&'. Names are HTML 4's and &apos;; those that HTML 2
/// had need no semicolon, as in browsers.
size_t take_character_reference(std::string_view html, std::string& text);

/// The text with its references resolved.
std::string resolve_references(std::string_view html);

}  // namespace orrery::text
