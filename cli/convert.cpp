// orrery convert: a hub folder becomes a GGUF file, or any checkpoint a hub folder.
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "cli/quantize_summary.h"
#include "orrery/text/convert/convert.h"
#include "orrery/text/convert/to_hub.h"

namespace orrery::cli {
namespace {

struct ConvertCommand {
  std::string model, output_file;
  text::ConvertOptions options;
  OutputOptions output;
  bool to_gguf() const { return output_file.ends_with(".gguf"); }
};

void convert(ConvertCommand& command) {
  const InterruptScope interrupt;
  Progress bar({.title = "converting to " + command.options.type, .style = command.output.progress()});
  const auto progress = [&](int64_t done, int64_t total) {
    interrupt.check();
    bar.update(done, total);
  };
  command.options.progress = progress;
  const text::QuantizeSummary summary =
      command.to_gguf() ? text::convert_to_gguf(command.model, command.output_file, command.options)
                        : text::convert_to_hub(
                              command.model, command.output_file,
                              {.type = command.options.type, .threads = command.options.threads, .progress = progress});
  bar.finish();
  print_summary(summary, command.options.type, command.output_file, command.output);
}

}  // namespace

void add_convert(CLI::App& app) {
  CLI::App* command = app.add_subcommand("convert", "Write a model as a GGUF file, or as a hub folder");
  auto options = std::make_shared<ConvertCommand>();
  command
      ->add_option("model", options->model, "A hub folder; for a hub folder also a .gguf file or the original authors'")
      ->required()
      ->option_text("MODEL");
  command
      ->add_option("output", options->output_file,
                   "What to write: a file whose name ends in .gguf, or a folder; it is there wholly or not at all")
      ->required()
      ->option_text("OUTPUT");
  command
      ->add_option("--type", options->options.type,
                   "F32, F16, BF16; for GGUF also a mixture that orrery quantize knows")
      ->capture_default_str();
  command->add_option("--name", options->options.name, "The model's name in a GGUF file; the folder's when absent")
      ->option_text("TEXT");
  command->add_option("-t,--threads", options->options.threads, "Threads; 0 is one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  add_output_options(*command, options->output, "sizes and types");
  set_examples(*command,
               {{"orrery convert SmolLM2-360M-Instruct/ smollm2-360m.gguf", "a file that llama.cpp loads too"},
                {"orrery convert my-model/ my-model-q8.gguf --type Q8_0", "smaller in one go"},
                {"orrery convert mistral-7b.Q4_K_M.gguf mistral-7b/", "a folder that transformers loads too"}});
  command->callback([options] { convert(*options); });
}

}  // namespace orrery::cli
