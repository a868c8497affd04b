// orrery inspect: what is in a file.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/inspect/inspection.h"
#include "cli/io.h"
#include "cli/manual/describe.h"

namespace orrery::cli {

void add_inspect(CLI::App& app) {
  struct Options {
    std::string file;
    bool all = false, json = false;
  };
  CLI::App* command =
      app.add_subcommand("inspect", "Show a file's model, memory need, tokenizer, metadata and tensors");
  auto options = std::make_shared<Options>();
  command
      ->add_option("file", options->file,
                   "GGUF, safetensors, PyTorch or llama2.c file, hub folder, adapter, or a name in the cache")
      ->required()
      ->option_text("FILE");
  command->add_flag("--all", options->all, "Every tensor on its own line, every metadata value whole");
  command->add_flag("--json", options->json, "Print all of it as JSON");
  set_examples(*command, {{"orrery inspect smollm2", "what the default model is made of"},
                          {"orrery inspect model.safetensors --json | jq '.tensors[].name'", "names, for a script"}});
  command->callback([options] {
    const nlohmann::ordered_json inspection = inspect_model(options->file, options->all);
    if (options->json)
      print_json(inspection);
    else
      print(inspection_text(inspection, options->all));
  });
}

}  // namespace orrery::cli
