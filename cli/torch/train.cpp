#include "cli/torch/train.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/io.h"
#include "cli/settings/texts.h"
#include "orrery/align/fields.h"
#include "orrery/align/mask_text.h"
#include "orrery/align/run.h"
#include "orrery/align/settings_file.h"
#include "orrery/base/error.h"

namespace orrery::cli {
namespace {

/// Defaults, then --config (or the settings of the run that goes on), then what was typed.
align::Settings settings_of(const TrainCommand& command) {
  const align::Method method = from_name(align::kMethodNames, "method", command.method);
  align::Settings settings(method);
  std::filesystem::path file = command.config;
  if (file.empty() && command.resume) file = std::filesystem::path(command.out) / "config.toml";
  if (!file.empty()) {
    if (align::method_of_file(file) != method)
      throw Error({.doing = "read a run's settings",
                   .where = file.string() + ", method",
                   .found = std::string(name_of(align::kMethodNames, align::method_of_file(file))),
                   .expected = command.method});
    align::read_settings(file, settings);
  }
  align::visit_fields(settings, [&](const align::Field& field, auto& member, const auto&... names) {
    const auto given = command.given.find(field.name);
    if (given == command.given.end()) return;
    if (!field.has(method))
      throw Error({.doing = "read the command line",
                   .where = field.name,
                   .found = "a setting of another method",
                   .expected = fmt::format("one that {} has", command.method)});
    from_texts(given->second, field.name, member, names...);
  });
  settings.out = command.out;
  settings.loop.resume = command.resume;
  settings.loop.quiet = command.quiet;
  return settings;
}

void show_masks(const align::Settings& settings, int count) {
  if (settings.method != align::Method::kSft)
    throw Error({.doing = "show what is learned",
                 .where = "--show-mask",
                 .found = std::string(name_of(align::kMethodNames, settings.method)),
                 .expected = "sft: of the others, whole answers are learned"});
  const auto checkpoint = text::Checkpoint::open(settings.model);
  for (const align::LearnedTokens& record : align::first_records(settings, checkpoint->tokenizer(), count))
    print(align::mask_text(record, checkpoint->tokenizer(), output_has_colour()) + "\n");
}

}  // namespace

void train(const TrainCommand& command) {
  const align::Settings settings = settings_of(command);
  if (command.show_mask > 0) return show_masks(settings, command.show_mask);
  const align::RunSummary summary = align::run(settings);
  if (command.quiet || summary.written.empty()) return;  // another process of the run speaks
  print(fmt::format("{} records, {} steps, {} parameters learned\n", summary.records, summary.steps,
                    summary.learned_parameters));
  if (settings.truncation.max_length > 0) print(to_text(summary.truncation) + "\n");
  if (summary.skipped > 0) print(fmt::format("{} rows were no records and were left out\n", summary.skipped));
  for (const align::Written& written : summary.written)
    print(fmt::format("{}: loaded again, its logits differ by {:.2g} at most\n", written.path.string(),
                      written.largest_logit_change));
}

}  // namespace orrery::cli
