#include "orrery/align/run.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <string_view>

#include "orrery/align/evaluated.h"
#include "orrery/align/settings_file.h"
#include "orrery/align/tasks.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/train/loop.h"

namespace orrery::align {

namespace {
namespace fs = std::filesystem;

[[noreturn]] void refuse(std::string where, std::string found, std::string expected) {
  throw Error(
      {.doing = "train", .where = std::move(where), .found = std::move(found), .expected = std::move(expected)});
}

/// What would fail only when hours have passed.
void check_places(const Settings& settings) {
  if (settings.model.empty()) refuse("model", "nothing", "a model");
  if (settings.data.empty()) refuse("data", "nothing", "a file of records");
  for (const std::string& place : settings.exports) {
    const fs::path path = fs::path(place).lexically_normal(), folder = path.parent_path();
    if (!folder.empty() && !fs::is_directory(folder)) refuse("export", place, "a place in a folder that is there");
    if (path.extension() != ".gguf" && fs::exists(path))
      refuse("export", place + ", which is there already", "a new folder, or a NAME.gguf");
  }
  if (settings.sft.packing && settings.truncation.max_length <= 0)
    refuse("packing", fmt::format("max_length = {}", settings.truncation.max_length),
           "a max_length, which rows are filled to");
  const auto at_least = [](const char* name, int64_t value, int64_t least) {
    if (value < least) refuse(name, fmt::format("{}", value), fmt::format("{} or more", least));
  };
  at_least("per_device_train_batch_size", settings.batch.per_device_train_batch_size, 1);
  at_least("gradient_accumulation_steps", settings.batch.gradient_accumulation_steps, 1);
  at_least("micro_batch_tokens", settings.batch.micro_batch_tokens, 1);
  at_least("logging_steps", settings.loop.logging_steps, 1);
  at_least("threads", settings.threads, 0);
}

int64_t in_whole(int64_t steps, int64_t updates) { return (steps + updates - 1) / updates * updates; }

int64_t steps_of(const Settings& settings, const Data& data) {
  const int64_t updates = data.updates(settings);
  if (settings.loop.max_steps > 0) return in_whole(settings.loop.max_steps, updates);
  const Batches batches(static_cast<size_t>(data.samples), settings.batch);
  const double steps = settings.loop.num_train_epochs * static_cast<double>(batches.steps_per_epoch() * updates);
  if (!(steps > 0)) refuse("num_train_epochs", fmt::format("{}", settings.loop.num_train_epochs), "more than 0");
  return in_whole(static_cast<int64_t>(std::ceil(steps)), updates);
}

/// One epoch of the records to evaluate with, in their order. What belongs to them lies in a folder of its own.
Settings held_out_of(const Settings& settings) {
  Settings held_out = settings;
  held_out.data = settings.eval_data;
  held_out.batch.shuffle = false;
  held_out.loop.max_steps = -1;
  held_out.loop.num_train_epochs = 1;
  held_out.out = settings.out / "evaluation";
  return held_out;
}

/// Of several processes (train::Ranks) the first one writes.
bool leads() {
  const char* rank = std::getenv("RANK");
  return rank == nullptr || std::string_view(rank) == "0";
}

/// The folder with its config.toml. What a run left that was not resumed is not taken for this one's.
void begin_folder(const Settings& settings) {
  train::check_folder(settings.loop);
  fs::create_directories(settings.out);
  for (const fs::path& folder : {settings.out, held_out_of(settings).out})
    if (!settings.loop.resume) fs::remove(folder / kReferenceFile);
  AtomicFile file(settings.out / "config.toml");
  file.write(settings.loop.settings);
  file.commit();
}

}  // namespace

RunSummary run(const Settings& wanted) {
  Settings settings = wanted;
  check_places(settings);
  const auto base = text::Checkpoint::open(settings.model);
  const std::unique_ptr<Data> data = read_data(settings, base->tokenizer());
  Settings held_out = held_out_of(settings);
  const auto eval_data = settings.eval_data.empty() ? nullptr : read_data(held_out, base->tokenizer());
  settings.loop.max_steps = steps_of(settings, *data);
  settings.loop.save_steps = in_whole(settings.loop.save_steps, data->updates(settings));
  settings.loop.output_dir = settings.out;
  settings.loop.settings = settings_text(settings);
  if (settings.threads > 0) at::set_num_threads(settings.threads);
  const Learner learner(base, settings);
  if (leads()) begin_folder(settings);
  std::unique_ptr<train::Task> task = data->task(learner, settings);
  if (eval_data) {
    held_out.loop.max_steps = steps_of(held_out, *eval_data);
    task = evaluated(std::move(task), eval_data->task(learner, held_out));
  }
  const train::RunState state = train::run(*task, settings.loop);
  return {.records = data->records,
          .skipped = data->skipped,
          .truncation = data->truncation,
          .steps = state.global_step,
          .learned_parameters = learner.learned_parameters(),
          .written = leads() ? learner.write(settings.out) : std::vector<Written>()};
}

std::vector<LearnedTokens> first_records(const Settings& settings, const text::Tokenizer& tokenizer, int64_t count) {
  Rows<Record> rows = read_records(settings.data);
  refuse_bad_rows(rows, settings.data, settings.skip_bad);
  if (rows.records.size() > static_cast<size_t>(count)) rows.records.resize(static_cast<size_t>(count));
  const text::Chat chat(tokenizer);
  std::vector<LearnedTokens> all;
  for (const Record& record : rows.records) all.push_back(learned_tokens(record, tokenizer, chat));
  truncate(all, settings.truncation);
  return all;
}

}  // namespace orrery::align
