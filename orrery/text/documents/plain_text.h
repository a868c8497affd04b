// Bytes that should be text, as UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace orrery::text {

/// A character encoding by the labels that HTML gives it (WHATWG Encoding, section 4.2).
enum class Charset { kUtf8, kUtf16Le, kUtf16Be, kWindows1252 };

/// What the bytes are: by their byte order mark, else UTF-8 where they mostly are that, else Windows-1252, of which
/// Latin-1 and ASCII are part.
Charset guess_charset(std::string_view bytes);

/// Without a byte order mark; what is no character of the charset becomes U+FFFD. Linear in time; at most 3 bytes for
/// each.
std::string to_utf8(std::string_view bytes, Charset charset);

/// The text of a plain file. Throws Error naming the file where the bytes are no text, with what they look like.
std::string plain_text(std::string_view bytes, const std::string& name);
/// What plain_text() refuses, for readers of other kinds of text.
void refuse_binary(std::string_view bytes, Charset charset, const std::string& name);

}  // namespace orrery::text
