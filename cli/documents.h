// Files that a question is about: what `run` and `chat` share of --file and --pages.
#pragma once

#include <string>
#include <vector>

#include "orrery/text/documents/document.h"
#include "orrery/text/engine/engine.h"

namespace CLI {
class App;
}

namespace orrery::cli {

struct DocumentOptions {
  std::vector<std::string> files;  ///< "-": standard input
  text::PageRange pages;
};

/// --file, --pages.
void add_document_options(CLI::App& command, DocumentOptions& options);

/// The documents' text as a prompt holds it (text::cited_text); empty where there are none. What may be missing from
/// them goes to standard error.
std::string read_documents(const DocumentOptions& options);

/// Throws Error with both sizes and what can be done where a prompt with documents does not fit into the context.
void check_documents_fit(const text::Engine& engine, size_t prompt_tokens);

}  // namespace orrery::cli
