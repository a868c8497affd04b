// orrery merge: adapters become part of a model's weights.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/options.h"
#include "orrery/text/convert/merge.h"

namespace orrery::cli {
namespace {

struct MergeCommand {
  std::string model, output_path;
  std::vector<std::string> adapters;
  text::MergeOptions options;
  OutputOptions output;
};

void print_summary(const MergeCommand& command, const text::MergeSummary& summary) {
  if (command.output.json) {
    nlohmann::ordered_json document = {{"output", command.output_path},
                                       {"tensors", summary.tensors},
                                       {"changed", summary.changed},
                                       {"largest_logit_change", nullptr}};
    if (summary.largest_logit_change) document["largest_logit_change"] = *summary.largest_logit_change;
    if (!summary.not_compared.empty()) document["not_compared"] = summary.not_compared;
    return print_json(document);
  }
  print(fmt::format("{}: {} of {} tensors changed\n", command.output_path, summary.changed, summary.tensors));
  if (summary.largest_logit_change)
    print(fmt::format("largest change of a logit against the unmerged run: {:.2g}\n", *summary.largest_logit_change));
  else
    print(fmt::format("not compared with the unmerged run: {}\n", summary.not_compared));
}

void merge(MergeCommand& command) {
  const InterruptScope interrupt;
  std::vector<text::WeightedAdapter> adapters;
  for (const std::string& argument : command.adapters) {
    const auto [path, weight] = parse_adapter(argument);
    adapters.push_back({text::open_adapter(path), weight});
  }
  Progress bar({.title = "merging", .style = command.output.progress()});
  command.options.progress = [&](int64_t done, int64_t total) {
    interrupt.check();
    bar.update(done, total);
  };
  const text::MergeSummary summary =
      text::merge_adapters(command.model, std::move(adapters), command.output_path, command.options);
  bar.finish();
  print_summary(command, summary);
}

}  // namespace

void add_merge(CLI::App& app) {
  CLI::App* command = app.add_subcommand("merge", "Write a model with LoRA adapters in its weights");
  auto options = std::make_shared<MergeCommand>();
  command->add_option("model", options->model, "A hub folder, Meta's folder or a GGUF file of 16- or 32-bit weights")
      ->required()
      ->option_text("MODEL");
  command->add_option("adapters", options->adapters, "PEFT folders, GGUF adapters or LLaMA-Adapter files")
      ->required()
      ->option_text("ADAPTER[:WEIGHT] ...");
  command
      ->add_option("-o,--out", options->output_path,
                   "The folder or .gguf file to write; it is there wholly or not at all")
      ->required()
      ->option_text("OUTPUT");
  command->add_option("-t,--threads", options->options.threads, "Threads; 0 is one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  add_output_options(*command, options->output, "how many tensors changed, and the largest change of a logit");
  set_examples(*command, {{"orrery merge llama-7b/ my-lora/ --out llama-7b-mine/", "a folder that needs no adapter"},
                          {"orrery merge llama-7b/ style/:0.5 facts/ --out mine.gguf", "two at once, as a GGUF file"}});
  command->callback([options] { merge(*options); });
}

}  // namespace orrery::cli
