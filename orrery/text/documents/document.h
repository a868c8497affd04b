// Files that people ask about, as text: PDF page by page, HTML, plain text and Markdown.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace orrery::text {

struct Page {
  int64_t number = 0;  ///< from 1, as the file counts; 0 in a file without pages
  std::string text;    ///< UTF-8
};

struct Document {
  std::string name;         ///< the file's, without its folder
  std::vector<Page> pages;  ///< those with text, in order; exactly one in a file without pages
  std::string warning;      ///< what may be missing from the text, for the user; empty: nothing
};

/// The first and last page of a PDF that are wanted, counted from 1; last 0: all from the first on.
struct PageRange {
  int64_t first = 1, last = 0;
};

/// A file is what it begins as (%PDF-, <!doctype html>, <html>), else what its name's extension says, else plain text.
/// PDF text comes from poppler's pdftotext, in reading order, run within limits (documents/pdf.h). Plain text and HTML
/// may be UTF-8, UTF-16 with a byte order mark, or Windows-1252 (Latin-1). Throws Error naming the file and what is
/// wrong with it: binary, empty, encrypted, damaged, pictures only, longer than 64 MiB, or pdftotext missing.
Document read_document(const std::filesystem::path& path, const PageRange& pages = {});
/// The same of text that comes from elsewhere (a pipe); `name` is what messages and citations call it. A PDF is
/// refused.
Document document_from_bytes(std::string_view bytes, const std::string& name);

/// The documents as a prompt holds them. Each page's text follows a line that names it, so that an answer can cite it:
///
///     [report.pdf, page 3]
///     text of the page
///
///     [notes.md]
///     text of a file without pages
///
/// One file without pages that is alone is its text, without a line before it.
std::string cited_text(std::span<const Document> documents);

/// A question about documents: their text, a blank line, the question. Either may be empty. After the documents is
/// where small models still know what was asked, and a second question finds the documents in the cache.
std::string with_documents(const std::string& documents, const std::string& question);

}  // namespace orrery::text
