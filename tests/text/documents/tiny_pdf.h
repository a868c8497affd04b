// PDFs made for one test each.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace orrery::text {

/// Objects with a cross-reference table (ISO 32000-1, section 7.5).
class TinyPdf {
 public:
  /// The object's number, from 1.
  int add(const std::string& object) {
    objects_.push_back(object);
    return static_cast<int>(objects_.size());
  }
  int add_stream(const std::string& dictionary, const std::string& data) {
    return add(fmt::format("<< {} /Length {} >>\nstream\n{}\nendstream", dictionary, data.size(), data));
  }
  std::string finish(int catalog) const {
    std::string file = "%PDF-1.4\n", table;
    for (size_t i = 0; i < objects_.size(); ++i) {
      table += fmt::format("{:010} 00000 n \n", file.size());
      file += fmt::format("{} 0 obj\n{}\nendobj\n", i + 1, objects_[i]);
    }
    const size_t start = file.size();
    return file + fmt::format(
                      "xref\n0 {}\n0000000000 65535 f \n{}trailer\n<< /Size {} /Root {} 0 R >>\nstartxref\n{}\n%%EOF\n",
                      objects_.size() + 1, table, objects_.size() + 1, catalog, start);
  }

 private:
  std::vector<std::string> objects_;
};

/// One page for each text, in Helvetica; "" is a page without text.
inline std::string pdf_of_pages(const std::vector<std::string>& texts) {
  TinyPdf pdf;
  const int font = pdf.add("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>");
  std::string kids;
  const int pages = font + 1 + static_cast<int>(2 * texts.size());
  for (const std::string& text : texts) {
    const std::string show = text.empty() ? "0 0 10 10 re f" : fmt::format("BT /F 12 Tf 72 700 Td ({}) Tj ET", text);
    const int content = pdf.add_stream("", show);
    kids += fmt::format("{} 0 R ",
                        pdf.add(fmt::format("<< /Type /Page /Parent {} 0 R /MediaBox [0 0 600 800] /Contents {} 0 R "
                                            "/Resources << /Font << /F {} 0 R >> >> >>",
                                            pages, content, font)));
  }
  pdf.add(fmt::format("<< /Type /Pages /Kids [{}] /Count {} >>", kids, texts.size()));
  return pdf.finish(pdf.add(fmt::format("<< /Type /Catalog /Pages {} 0 R >>", pages)));
}

/// One page whose content calls a form ten times, which calls another ten times, and so on: 10^depth operators.
inline std::string pdf_that_never_ends(int depth) {
  TinyPdf pdf;
  const std::string calls = "/X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do /X Do";
  int inner = pdf.add_stream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "0 0 1 1 re f");
  for (int i = 0; i < depth; ++i)
    inner = pdf.add_stream(
        fmt::format("/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X {} 0 R >> >>", inner),
        calls);
  const int content = pdf.add_stream("", calls), pages = content + 2;
  const int page = pdf.add(fmt::format(
      "<< /Type /Page /Parent {} 0 R /MediaBox [0 0 9 9] /Contents {} 0 R /Resources << /XObject << /X {} 0 R >> >> >>",
      pages, content, inner));
  pdf.add(fmt::format("<< /Type /Pages /Kids [{} 0 R] /Count 1 >>", page));
  return pdf.finish(pdf.add(fmt::format("<< /Type /Catalog /Pages {} 0 R >>", pages)));
}

}  // namespace orrery::text
