#include "cli/documents.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/io.h"
#include "cli/options.h"
#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

// "7", "3-7", "3-"
text::PageRange parse_pages(const std::string& text) {
  text::PageRange pages;
  const size_t dash = text.find('-');
  const std::string first = text.substr(0, dash), last = dash == text.npos ? first : text.substr(dash + 1);
  const auto number = [](const std::string& digits, int64_t& value) {
    return digits.size() <= 9 && CLI::detail::lexical_cast(digits, value) && value >= 1;
  };
  if (!number(first, pages.first) || (!last.empty() && !number(last, pages.last)) ||
      (!last.empty() && pages.last < pages.first))
    throw CLI::ValidationError("--pages", fmt::format("{} is not FIRST-LAST, counted from 1", text));
  return pages;
}

text::Document read(const std::string& file, const text::PageRange& pages) {
  std::error_code failed;
  const bool named = file != "-" && !std::filesystem::is_fifo(file, failed);
  if (named) return text::read_document(file, pages);
  return text::document_from_bytes(read_text_or_standard_input(file), file == "-" ? "standard input" : file);
}

}  // namespace

void add_document_options(CLI::App& command, DocumentOptions& options) {
  add_repeatable(
      command, "-f,--file", [&options](const std::string& file) { options.files.push_back(file); },
      "PDF, HTML or text that the prompt is about; may be repeated; - is standard input")
      ->option_text("FILE ...");
  command
      .add_option_function<std::string>(
          "--pages", [&options](const std::string& text) { options.pages = parse_pages(text); },
          "Of a PDF only these pages: 7, 3-7 or 3-")
      ->option_text("FIRST-LAST")
      ->needs("--file");
}

std::string read_documents(const DocumentOptions& options) {
  std::vector<text::Document> documents;
  for (const std::string& file : options.files) {
    documents.push_back(read(file, options.pages));
    const text::Document& document = documents.back();
    if (!document.warning.empty()) print_error(fmt::format("({}: {})\n", document.name, document.warning));
  }
  return text::cited_text(documents);
}

void check_documents_fit(const text::Engine& engine, size_t prompt_tokens) {
  const auto needed = static_cast<int64_t>(prompt_tokens) + 1;
  const int64_t context = engine.options().context, possible = engine.spec().context_length;
  if (needed <= context || engine.options().overflow == text::Overflow::kSinks) return;
  const std::string longer = needed <= possible ? fmt::format(", or a longer context: --context {}", possible)
                                                : ", or a model with a longer context";
  throw Error(
      {.doing = "answer about documents",
       .found = fmt::format("{} tokens of documents and question", prompt_tokens),
       .expected = fmt::format("at most {} in a context of {} (the model's: {})", context - 1, context, possible),
       .advice = "give less of them (--pages FIRST-LAST chooses pages of a PDF)" + longer});
}

}  // namespace orrery::cli
