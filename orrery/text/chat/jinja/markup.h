// markupsafe's Markup: texts that count as HTML and escape what is joined to them (filters escape, forceescape and safe
// make them).
#pragma once

#include <string>
#include <string_view>

#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

std::string escape_html(std::string_view text);
/// The HTML of a value: a Markup as it is, anything else escaped.
std::string escaped(const Value& value);
/// Python's html.unescape for the entities that templates meet: &amp; &lt; &gt; &quot; &apos; &nbsp; and numeric ones.
std::string unescape_html(std::string_view text);

/// Markup.striptags: without tags and comments, white space collapsed, unescaped.
Value strip_tags(const Value& text);

}  // namespace orrery::text::jinja
