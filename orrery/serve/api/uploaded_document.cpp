#include "orrery/serve/api/uploaded_document.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "orrery/serve/refusal.h"

namespace orrery::serve {
namespace {

// pdftotext reads files: one of our own, which nobody else can read, for the moment.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& bytes) {
    path_ = (std::filesystem::temp_directory_path() / "orrery-XXXXXX").string();
    const int file = mkstemp(path_.data());
    const auto fail = [&](const char* what) {
      throw Refusal(503, "", {.doing = "keep an uploaded file for a moment", .where = path_, .found = what});
    };
    if (file < 0) fail("no file could be made");
    size_t written = 0;
    while (written < bytes.size()) {
      const ssize_t n = ::write(file, bytes.data() + written, bytes.size() - written);
      if (n <= 0) break;
      written += static_cast<size_t>(n);
    }
    ::close(file);
    if (written == bytes.size()) return;
    ::unlink(path_.c_str());
    fail("the disk is full");
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

bool is_pdf(const std::string& bytes) { return bytes.substr(0, 1024).find("%PDF-") != std::string::npos; }

}  // namespace

text::Document read_uploaded_document(const std::string& bytes, const std::string& name) {
  const std::string file_name = std::filesystem::path(name).filename().string();
  if (file_name.empty() || file_name.size() > 255)
    throw Refusal(
        400, "name",
        {.doing = "read an uploaded file", .where = "name", .found = "\"" + name + "\"", .expected = "a file name"});
  try {
    if (!is_pdf(bytes)) return text::document_from_bytes(bytes, file_name);
    const TemporaryFile file(bytes);
    text::Document document = text::read_document(file.path());
    document.name = file_name;
    return document;
  } catch (const Refusal&) {
    throw;
  } catch (const Error& error) {
    Error::Parts parts = error.parts();
    parts.where = file_name;
    throw Refusal(is_pdf(bytes) ? 422 : 415, "", std::move(parts));
  }
}

nlohmann::ordered_json document_json(const text::Document& document) {
  nlohmann::ordered_json pages = nlohmann::ordered_json::array();
  for (const text::Page& page : document.pages) pages.push_back({{"number", page.number}, {"text", page.text}});
  return {{"name", document.name},
          {"pages", pages},
          {"text", text::cited_text({&document, 1})},
          {"warning", document.warning}};
}

}  // namespace orrery::serve
