// orrery quantize: a GGUF file with smaller weights.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "cli/quantize_summary.h"
#include "orrery/text/checkpoint_cache.h"
#include "orrery/text/convert/mixture.h"
#include "orrery/text/convert/quantize_file.h"

namespace orrery::cli {
namespace {

struct QuantizeCommand {
  std::string input, output_file;
  text::QuantizeOptions options;
  OutputOptions output;
};

std::string type_names() {
  std::vector<std::string_view> names;
  for (const text::Mixture& mixture : text::mixtures()) names.push_back(mixture.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

void quantize(QuantizeCommand& command) {
  const InterruptScope interrupt;
  Progress bar({.title = "quantizing to " + command.options.type, .style = command.output.progress()});
  command.options.progress = [&](int64_t done, int64_t total) {
    interrupt.check();
    bar.update(done, total);
  };
  const text::QuantizeSummary summary =
      text::quantize_file(text::find_model(command.input), command.output_file, command.options);
  bar.finish();
  print_summary(summary, command.options.type, command.output_file, command.output);
}

}  // namespace

void add_quantize(CLI::App& app) {
  CLI::App* command = app.add_subcommand("quantize", "Write a GGUF file with smaller weights");
  auto options = std::make_shared<QuantizeCommand>();
  command->add_option("input", options->input, "A GGUF file, best F16 or F32")->required()->option_text("INPUT");
  command->add_option("output", options->output_file, "The file to write; it is there wholly or not at all")
      ->required()
      ->option_text("OUTPUT");
  command->add_option("--type", options->options.type, "The mixture of types: " + type_names())->capture_default_str();
  command->add_flag("--allow-requantize", options->options.allow_requantize,
                    "Take weights that are quantised already: worse than starting from F16");
  command->add_option("-t,--threads", options->options.threads, "Threads; 0 is one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  add_output_options(*command, options->output, "sizes and types");
  set_examples(*command,
               {{"orrery quantize model-f16.gguf model-q4.gguf --type Q4_K_M", "about a quarter of the size"}});
  command->callback([options] { quantize(*options); });
}

}  // namespace orrery::cli
