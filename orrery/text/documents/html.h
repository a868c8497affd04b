// HTML to text that a language model reads well: structure as Markdown writes it, no scripts, no styles, no markup.
#pragma once

#include <string>
#include <string_view>

namespace orrery::text {

/// The text of a page: its title and headings as "# …", list items as "- …" or "1. …", rows of tables as "| a | b |",
/// preformatted text as it is, blank lines between paragraphs, pictures as their alternative text. Never fails: like a
/// browser it makes the best of what it gets (the tokenizer of WHATWG HTML, section 13.2.5, without its tree builder).
/// Linear in time and memory. `html` is UTF-8.
std::string html_to_text(std::string_view html);

/// The same of a file's bytes: the charset is its byte order mark's, else the one that <meta> declares in the first
/// 1024 bytes, else guessed. Throws Error naming the file for binary data and for a charset that is not known.
std::string html_file_text(std::string_view bytes, const std::string& name);

/// True where the bytes begin as a page does: <!doctype html> or <html>, after blanks and comments.
bool looks_like_html(std::string_view bytes);

}  // namespace orrery::text
