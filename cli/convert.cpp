// orrery convert: a hub folder becomes a GGUF file.
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "cli/quantize_summary.h"
#include "orrery/text/convert/convert.h"

namespace orrery::cli {
namespace {

struct ConvertCommand {
  std::string model, output_file;
  text::ConvertOptions options;
  OutputOptions output;
};

void convert(ConvertCommand& command) {
  const InterruptScope interrupt;
  Progress bar({.title = "converting to " + command.options.type, .style = command.output.progress()});
  command.options.progress = [&](int64_t done, int64_t total) {
    interrupt.check();
    bar.update(done, total);
  };
  const text::QuantizeSummary summary = text::convert_to_gguf(command.model, command.output_file, command.options);
  bar.finish();
  print_summary(summary, command.options.type, command.output_file, command.output);
}

}  // namespace

void add_convert(CLI::App& app) {
  CLI::App* command = app.add_subcommand("convert", "Write a hub folder as a GGUF file");
  auto options = std::make_shared<ConvertCommand>();
  command->add_option("hub", options->model, "A folder with config.json, weights and tokenizer")
      ->required()
      ->option_text("HUB");
  command->add_option("output", options->output_file, "The file to write; it is there wholly or not at all")
      ->required()
      ->option_text("OUTPUT");
  command->add_option("--type", options->options.type, "F32, F16, BF16, or a mixture that orrery quantize knows")
      ->capture_default_str();
  command->add_option("--name", options->options.name, "The model's name in the file; the folder's when absent")
      ->option_text("TEXT");
  command->add_option("-t,--threads", options->options.threads, "Threads; 0 is one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  add_output_options(*command, options->output, "sizes and types");
  set_examples(*command,
               {{"orrery convert SmolLM2-360M-Instruct/ smollm2-360m.gguf", "a file that llama.cpp loads too"},
                {"orrery convert my-model/ my-model-q8.gguf --type Q8_0", "smaller in one go"}});
  command->callback([options] { convert(*options); });
}

}  // namespace orrery::cli
