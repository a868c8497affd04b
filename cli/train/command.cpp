// The options of orrery train, declared from the table of settings.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/manual/describe.h"
#include "cli/settings/declare.h"
#include "cli/train/command.h"
#include "orrery/align/fields.h"

namespace orrery::cli {
namespace {

/// Which methods have it, unless all do.
std::string methods_of(const train::Field& field) {
  std::vector<std::string_view> methods;
  bool all = true;
  for (const auto& [method, name] : align::kMethodNames) {
    if (field.has(method)) methods.push_back(name);
    all = all && field.has(method);
  }
  return all ? "" : fmt::format(" ({})", fmt::join(methods, ", "));
}

}  // namespace

void add_train(CLI::App& app, std::function<void(const TrainCommand&)> run) {
  CLI::App* command = app.add_subcommand("train", "Fine-tune or align a model");
  auto typed = std::make_shared<TrainCommand>();
  std::vector<std::string> methods;
  for (const auto& row : align::kMethodNames) methods.emplace_back(row.name);
  command->add_option("method", typed->method, "What to train it by")
      ->required()
      ->option_text(fmt::format("{}", fmt::join(methods, "|")))
      ->check(CLI::IsMember(methods));
  command->add_option("-o,--out", typed->out, "The run's folder: settings, metrics, checkpoints, the trained model")
      ->required()
      ->option_text("RUN");
  command->add_option("--config", typed->config, "Settings from a TOML file; options that are given count more")
      ->option_text("FILE");
  command->add_flag("--resume", typed->resume, "Go on from the run's last checkpoint, with the run's settings");
  command
      ->add_option("--show-mask", typed->show_mask,
                   "Print the tokens of the first N records, learned ones in another colour, and train nothing")
      ->option_text("N")
      ->check(CLI::Range(1, 1 << 20));
  command->add_flag("-q,--quiet", typed->quiet, "No progress");
  const align::Settings defaults;
  align::visit_fields(defaults, DeclareSettings(*command, typed->given, methods_of));
  set_examples(*command,
               {{"orrery train sft --model smollm2 --data alpaca.json --out runs/sft --use-peft", "a LoRA adapter"},
                {"orrery train sft --model smollm2 --data alpaca.json --out runs/sft --show-mask 3",
                 "see first what would be learned"},
                {"orrery train dpo --model smollm2 --data pairs.jsonl --out runs/dpo --export mine.gguf",
                 "preferences, and a file to run"},
                {"orrery train sft --out runs/sft --resume", "after a power cut"}});
  command->callback([typed, run = std::move(run)] { run(*typed); });
}

}  // namespace orrery::cli
