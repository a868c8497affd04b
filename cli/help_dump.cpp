// orrery help-dump: man pages and docs/cli.md, for the build. Not listed in --help.
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/manual/documents.h"
#include "orrery/base/file.h"

namespace orrery::cli {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void write_man_pages(const fs::path& folder, const std::string& description, const std::vector<CommandPage>& pages) {
  fs::create_directories(folder);
  write_file(folder / "orrery.1", man_page_of_program(description, pages));
  for (const CommandPage& page : pages) write_file(folder / (page.file_name() + ".1"), man_page(page));
}

void write_completions(const fs::path& folder, const std::vector<CommandPage>& pages) {
  fs::create_directories(folder);
  write_file(folder / "orrery.bash", bash_completion(pages));
  write_file(folder / "_orrery", zsh_completion(pages));
  write_file(folder / "orrery.fish", fish_completion(pages));
}

}  // namespace

void add_help_dump(CLI::App& app) {
  struct Options {
    std::string man, completions, markdown;
  };
  CLI::App* command = app.add_subcommand("help-dump", "Write what --help says as documents")->group("");
  auto options = std::make_shared<Options>();
  command->add_option("--man", options->man, "Man pages into this folder")->option_text("FOLDER");
  command->add_option("--completions", options->completions, "Completion scripts into this folder")
      ->option_text("FOLDER");
  command->add_option("--markdown", options->markdown, "The guide into this file")->option_text("FILE");
  command->callback([options, &app] {
    const std::vector<CommandPage> pages = describe_commands(app);
    const std::string description = app.get_description();
    if (!options->man.empty()) write_man_pages(options->man, description, pages);
    if (!options->completions.empty()) write_completions(options->completions, pages);
    if (!options->markdown.empty()) write_file(options->markdown, markdown_guide(description, pages));
  });
}

}  // namespace orrery::cli
