// PDF to text, through poppler's pdftotext in a process of its own: a hostile file stays out of ours.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "orrery/base/child_process.h"
#include "orrery/text/documents/document.h"

namespace orrery::text {

/// Pages with text, in reading order (columns one after the other). Throws Error naming the file where pdftotext is not
/// installed or passes a limit, and for a PDF that is encrypted, damaged, has no text at all (pictures of pages) or not
/// the pages asked for.
Document read_pdf(const std::filesystem::path& path, const PageRange& range, const ChildLimits& limits = {});

/// What pdftotext wrote, cut at the form feeds with which it ends each page; `first` is the first one's number. Control
/// characters are left out, ill-formed UTF-8 becomes U+FFFD. Pages without text are among them.
std::vector<Page> split_pages(std::string_view output, int64_t first);

}  // namespace orrery::text
