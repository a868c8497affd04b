#include "orrery/align/dpo.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <limits>
#include <set>

#include "orrery/base/error.h"
#include "orrery/base/progress.h"
#include "orrery/formats/safetensors.h"
#include "orrery/nn/from_view.h"

namespace orrery::align {

namespace {
namespace fs = std::filesystem;

constexpr const char* kName = "log_probs";

at::Tensor read_reference(const fs::path& file, int64_t records, int64_t answers) {
  const auto stored = formats::SafetensorsFile::open(file);
  const TensorView* view = stored.find(kName);
  const std::vector<int64_t> expected = {records, answers};
  if (view == nullptr || view->shape != expected)
    throw Error({.doing = "resume a run",
                 .where = file.string(),
                 .found = view == nullptr ? "no " + std::string(kName) : shape_string(view->shape),
                 .expected = shape_string(expected) + ", a row for each record",
                 .advice = "the records are not those that the run began with"});
  return nn::tensor_from_view(*view);
}

std::set<size_t> records_seen(const Batches& batches, int64_t steps) {
  std::set<size_t> seen;
  for (int64_t step = 0; step < std::min(steps, batches.steps_per_epoch()); ++step)
    for (const size_t record : batches.records_of(step)) seen.insert(record);
  return seen;
}

bool compares_pairs(const PreferenceOptions& options) {
  return std::ranges::any_of(options.losses, [](PreferenceLoss loss) {
    return loss == PreferenceLoss::kAot || loss == PreferenceLoss::kAotUnpaired;
  });
}

}  // namespace

at::Tensor reference_log_probs(nn::Decoder& model, const std::vector<AnsweredPrompt>& records, const Batches& batches,
                               int64_t steps, const fs::path& file, bool quiet) {
  const auto answers = static_cast<int64_t>(records.front().answers.size());
  if (fs::exists(file)) return read_reference(file, static_cast<int64_t>(records.size()), answers);
  at::NoGradGuard without_gradients;
  const at::Tensor values =
      at::full({static_cast<int64_t>(records.size()), answers}, std::numeric_limits<float>::quiet_NaN());
  const std::set<size_t> seen = records_seen(batches, steps);
  Progress progress({.title = "reference",
                     .total = static_cast<int64_t>(seen.size()),
                     .unit = "records",
                     .style = quiet ? ProgressStyle::kNone : ProgressStyle::kAuto});
  int64_t done = 0;
  for (const size_t record : seen) {
    const AnsweredPrompt* prompted = &records[record];
    const PackedAnswers packed = pack_answers({&prompted, 1}, model);
    values[static_cast<int64_t>(record)].copy_(answer_log_probs(model, model.hidden(packed.rows), packed));
    progress.update(++done);
  }
  fs::create_directories(file.parent_path());
  const std::vector<TensorView> views = {nn::view_from_tensor(values, kName)};
  formats::write_safetensors(file, views);
  return values;
}

DpoTask::DpoTask(std::shared_ptr<nn::Decoder> model, std::vector<AnsweredPrompt> records, at::Tensor reference,
                 const BatchOptions& batch, const PreferenceOptions& options)
    : AnswersTask(std::move(model), std::move(records), batch, compares_pairs(options)),
      reference_(std::move(reference)),
      options_(options) {
  check(options);
}

at::Tensor DpoTask::losses(const Part& part, train::Metrics& sums) {
  const at::Tensor policy = answer_log_probs(model(), part.hidden, part.packed), &lengths = part.packed.lengths;
  at::Tensor reference = at::zeros_like(policy);
  if (reference_.defined()) {
    const std::vector<int64_t> places(part.records.begin(), part.records.end());
    reference = reference_.index_select(0, at::tensor(places)).flatten();
  }
  double chosen_tokens = 0;
  for (const size_t index : step_records()) chosen_tokens += static_cast<double>(record(index).predicted(0));
  const PairLogProbs pairs{answer(policy, 0),
                           answer(policy, 1),
                           answer(reference, 0),
                           answer(reference, 1),
                           answer(lengths, 0),
                           answer(lengths, 1),
                           chosen_tokens / static_cast<double>(step_records().size())};
  const ImplicitRewards rewards = implicit_rewards(pairs, options_);
  add_sum(sums, "rewards/chosen", rewards.chosen);
  add_sum(sums, "rewards/rejected", rewards.rejected);
  add_sum(sums, "rewards/accuracies", rewards.chosen.gt(rewards.rejected));
  add_sum(sums, "rewards/margins", rewards.chosen - rewards.rejected);
  add_sum(sums, "logps/chosen", pairs.policy_chosen);
  add_sum(sums, "logps/rejected", pairs.policy_rejected);
  return preference_losses(pairs, options_).sum();
}

}  // namespace orrery::align
