#include "orrery/text/documents/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/text/documents/html.h"
#include "orrery/text/documents/pdf.h"
#include "orrery/text/documents/plain_text.h"

namespace orrery::text {
namespace {

constexpr size_t kMostBytes = 64 << 20;    // of plain text and HTML: some 16 million tokens
constexpr size_t kPdfHeaderWithin = 1024;  // where readers look for "%PDF-" (ISO 32000-1, implementation note 13)

bool begins_as_pdf(std::string_view bytes) { return bytes.starts_with("%PDF-"); }

bool has_extension(const std::filesystem::path& name, std::initializer_list<std::string_view> extensions) {
  std::string extension = name.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(extensions, extension) != extensions.end();
}

std::string text_of(std::string_view bytes, const std::string& name) {
  if (bytes.size() > kMostBytes)
    throw Error({.doing = "read a document",
                 .where = name,
                 .found = fmt::format("{} MiB", bytes.size() >> 20),
                 .expected = fmt::format("at most {} MiB", kMostBytes >> 20)});
  const bool html = looks_like_html(bytes) || has_extension(name, {".html", ".htm", ".xhtml"});
  std::string text = html ? html_file_text(bytes, name) : plain_text(bytes, name);
  if (text.find_first_not_of(" \t\r\n\f") == text.npos)
    throw Error({.doing = "read a document", .where = name, .found = html ? "a page without text" : "no text"});
  return text;
}

}  // namespace

Document read_document(const std::filesystem::path& path, const PageRange& pages) {
  const MappedFile file = MappedFile::open(path);
  const std::string_view bytes(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  const bool named_pdf = has_extension(path, {".pdf"});
  if (named_pdf && bytes.substr(0, kPdfHeaderWithin).find("%PDF-") == bytes.npos)
    throw Error({.doing = "read a PDF",
                 .where = path.string(),
                 .found = bytes.empty() ? "an empty file" : "no %PDF- in its first 1024 bytes",
                 .expected = "a PDF"});
  if (named_pdf || begins_as_pdf(bytes)) return read_pdf(path, pages);
  if (pages.first != 1 || pages.last != 0)
    throw Error(
        {.doing = "choose pages", .where = path.string(), .found = "a file without pages", .expected = "a PDF"});
  return {.name = path.filename().string(), .pages = {{.text = text_of(bytes, path.string())}}};
}

Document document_from_bytes(std::string_view bytes, const std::string& name) {
  if (begins_as_pdf(bytes))
    throw Error({.doing = "read a document",
                 .where = name,
                 .found = "a PDF through a pipe",
                 .advice = "write it to a file and name that"});
  return {.name = name, .pages = {{.text = text_of(bytes, name)}}};
}

std::string cited_text(std::span<const Document> documents) {
  if (documents.size() == 1 && documents[0].pages.size() == 1 && documents[0].pages[0].number == 0)
    return documents[0].pages[0].text;
  std::string text;
  for (const Document& document : documents) {
    for (const Page& page : document.pages) {
      if (!text.empty()) text += text.ends_with('\n') ? "\n" : "\n\n";
      text += page.number > 0 ? fmt::format("[{}, page {}]\n", document.name, page.number)
                              : fmt::format("[{}]\n", document.name);
      text += page.text;
      while (text.ends_with('\n')) text.pop_back();
    }
  }
  return text;
}

std::string with_documents(const std::string& documents, const std::string& question) {
  if (documents.empty()) return question;
  if (question.empty()) return documents;
  return documents + (documents.ends_with('\n') ? "\n" : "\n\n") + question;
}

}  // namespace orrery::text
