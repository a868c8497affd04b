#include "orrery/text/documents/pdf.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/base/error.h"
#include "orrery/formats/bytes.h"
#include "orrery/text/tokenizer/utf8.h"

namespace orrery::text {
namespace {

class PdfProblem {
 public:
  explicit PdfProblem(const std::filesystem::path& path) : where_(path.string()) {}
  [[noreturn]] void refuse(std::string found, std::string expected, std::string advice) const {
    throw Error({.doing = "read a PDF",
                 .where = where_,
                 .found = std::move(found),
                 .expected = std::move(expected),
                 .advice = std::move(advice)});
  }

 private:
  std::string where_;
};

bool has_text(const Page& page) { return page.text.find_first_not_of(" \t\n") != page.text.npos; }

std::string first_line(std::string_view text) {
  return formats::printable(text.substr(0, std::min(text.find('\n'), text.size())));
}

// What a limit or a crash says; nothing where the program ended by itself.
void check_end(const ChildOutcome& outcome, const ChildLimits& limits, const PdfProblem& problem) {
  const std::string smaller = "ask for fewer pages, or repair the file: qpdf IN.pdf OUT.pdf";
  switch (outcome.end) {
    case ChildOutcome::End::kExited:
      return;
    case ChildOutcome::End::kCpuLimit:
      problem.refuse("that pdftotext takes too long", fmt::format("at most {} s of processor time", limits.cpu_seconds),
                     smaller);
    case ChildOutcome::End::kWallLimit:
      problem.refuse("that pdftotext takes too long", fmt::format("at most {} s", limits.wall_seconds), smaller);
    case ChildOutcome::End::kOutputLimit:
      problem.refuse("more text than fits", fmt::format("at most {} MiB", limits.output_bytes >> 20), smaller);
    case ChildOutcome::End::kSignalled:
      problem.refuse(fmt::format("a file that crashes pdftotext (signal {})", outcome.code),
                     fmt::format("one that it reads within {} MiB of memory", limits.memory_bytes >> 20), smaller);
  }
}

// What pdftotext's exit code and messages mean (poppler, pdftotext.cc and Error.cc).
void check_exit(const ChildOutcome& outcome, const PageRange& range, const PdfProblem& problem) {
  const auto says = [&](std::string_view text) { return outcome.errors.find(text) != std::string::npos; };
  if (outcome.code == 0) return;
  if (says("Incorrect password"))
    problem.refuse("one that needs a password", "", "take it out first: qpdf --decrypt --password=WORD IN.pdf OUT.pdf");
  if (says("Copying of text")) problem.refuse("one whose author does not allow its text to be copied", "", "");
  if (says("Wrong page range")) {
    const size_t last = outcome.errors.find("last page (");
    const std::string count = last == std::string::npos ? "" : outcome.errors.substr(last + 11, 12);
    problem.refuse(fmt::format("{} pages", count.substr(0, count.find(')'))), fmt::format("page {}", range.first), "");
  }
  if (says("Document stream is empty")) problem.refuse("an empty file", "a PDF", "");
  if (says("out of memory") || says("Out of memory")) problem.refuse("that pdftotext runs out of memory", "", "");
  problem.refuse(fmt::format("a damaged file (pdftotext: {})", first_line(outcome.errors)), "a PDF",
                 "where it opens elsewhere, repair it: qpdf IN.pdf OUT.pdf");
}

// "2, 5 and 9"; of many, the first few.
std::string listed(const std::vector<int64_t>& numbers) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < std::min(numbers.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + std::to_string(numbers[i]);
  return numbers.size() > kShown ? fmt::format("{} and {} more", text, numbers.size() - kShown) : text;
}

std::string missing_text(const std::vector<Page>& pages, std::string_view errors) {
  std::vector<int64_t> empty;
  for (const Page& page : pages)
    if (!has_text(page)) empty.push_back(page.number);
  std::string warning;
  if (!empty.empty()) warning = fmt::format("no text on page{} {}", empty.size() > 1 ? "s" : "", listed(empty));
  if (const size_t error = errors.find("Syntax Error"); error != errors.npos)
    warning += fmt::format("{}the file is damaged and text may be missing ({})", warning.empty() ? "" : "; ",
                           first_line(errors.substr(error)));
  return warning;
}

}  // namespace

std::vector<Page> split_pages(std::string_view output, int64_t first) {
  std::vector<Page> pages;
  while (!output.empty()) {
    const std::string_view text = output.substr(0, output.find('\f'));
    output.remove_prefix(std::min(text.size() + 1, output.size()));
    Page page{.number = first + static_cast<int64_t>(pages.size()), .text = repair_utf8(text)};
    std::erase_if(page.text, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t'; });
    pages.push_back(std::move(page));
  }
  return pages;
}

Document read_pdf(const std::filesystem::path& path, const PageRange& range, const ChildLimits& limits) {
  const PdfProblem problem(path);
  const auto program = find_program("pdftotext");
  if (!program)
    problem.refuse("no program pdftotext", "poppler's, in a folder of PATH",
                   "install it (Debian, Ubuntu, Fedora: the package poppler-utils)");
  // An absolute path cannot be taken for an option.
  std::vector<std::string> arguments = {program->string(), "-enc", "UTF-8", "-eol", "unix"};
  arguments.insert(arguments.end(), {"-f", std::to_string(range.first)});
  if (range.last > 0) arguments.insert(arguments.end(), {"-l", std::to_string(range.last)});
  arguments.insert(arguments.end(), {std::filesystem::absolute(path).string(), "-"});
  const ChildOutcome outcome = run_child(arguments, limits);
  check_end(outcome, limits, problem);
  check_exit(outcome, range, problem);

  Document document{.name = path.filename().string(), .pages = split_pages(outcome.output, range.first)};
  const auto count = static_cast<int64_t>(document.pages.size());
  if (range.last > 0 && count < range.last - range.first + 1)
    problem.refuse(fmt::format("{} pages", range.first + count - 1), fmt::format("page {}", range.last), "");
  document.warning = missing_text(document.pages, outcome.errors);
  std::erase_if(document.pages, [](const Page& page) { return !has_text(page); });
  if (document.pages.empty())
    problem.refuse(fmt::format("no text on {} page{}: pictures, as a scanner makes them", count, count == 1 ? "" : "s"),
                   "text", "recognise it first: ocrmypdf IN.pdf OUT.pdf");
  return document;
}

}  // namespace orrery::text
