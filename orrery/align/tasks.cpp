#include "orrery/align/tasks.h"

#include <fmt/format.h>

#include <utility>

#include "orrery/align/dpo.h"
#include "orrery/align/group.h"
#include "orrery/align/kto.h"
#include "orrery/align/ppo.h"
#include "orrery/align/reference_free.h"
#include "orrery/align/reward.h"
#include "orrery/align/sft.h"
#include "orrery/base/error.h"

namespace orrery::align {

namespace {

/// Reads, encodes and cuts records of one kind; fills in what Data tells of them.
template <class Record, class Encode>
auto encoded_records(const Rows<Record>& rows, const Encode& encode, const Settings& settings, Data& data) {
  auto encoded = tokens_of(rows, encode);
  refuse_bad_rows(encoded, settings.data, settings.skip_bad);
  data.skipped = static_cast<int64_t>(encoded.bad.size());
  data.truncation = truncate(encoded.records, settings.truncation);
  data.records = data.samples = static_cast<int64_t>(encoded.records.size());
  if (data.records == 0)
    throw Error({.doing = "read training data",
                 .where = settings.data,
                 .found = fmt::format("no record that leaves something to learn in max_length = {} tokens",
                                      settings.truncation.max_length),
                 .expected = "one at least"});
  return std::move(encoded.records);
}

class SftData final : public Data {
 public:
  SftData(const Settings& settings, const text::Tokenizer& tokenizer, const text::Chat& chat)
      : records_(encoded_records(
            read_records(settings.data), [&](const Record& record) { return learned_tokens(record, tokenizer, chat); },
            settings, *this)) {
    if (settings.sft.packing) pack(settings.truncation.max_length);
  }
  std::unique_ptr<train::Task> task(const Learner& learner, const Settings& settings) override {
    const std::shared_ptr<nn::Decoder>& model = learner.model();
    return std::make_unique<SftTask>(model, std::move(records_), settings.batch, settings.sft, std::move(packs_));
  }

 private:
  void pack(int64_t max_length) {
    std::vector<int64_t> sizes;
    for (const LearnedTokens& record : records_) sizes.push_back(static_cast<int64_t>(record.tokens.size()));
    packs_ = best_fit_packs(sizes, max_length);
    samples = static_cast<int64_t>(packs_.size());
  }

  std::vector<LearnedTokens> records_;
  Packs packs_;
};

class PairData final : public Data {
 public:
  PairData(const Settings& settings, const text::Tokenizer& tokenizer, const text::Chat& chat) {
    for (PairedTokens& pair : encoded_records(
             read_preferences(settings.data),
             [&](const Preference& record) { return paired_tokens(record, tokenizer, chat); }, settings, *this)) {
      AnsweredPrompt& prompted = pairs_.emplace_back();
      prompted.prompt = std::move(pair.prompt);
      prompted.answers = {std::move(pair.chosen), std::move(pair.rejected)};
      if (pair.chosen_skips + pair.rejected_skips > 0) prompted.skips = {pair.chosen_skips, pair.rejected_skips};
      any_margin_ = any_margin_ || pair.margin;
      margins_.push_back(static_cast<float>(pair.margin.value_or(0)));
    }
  }
  std::unique_ptr<train::Task> task(const Learner& learner, const Settings& settings) override {
    const std::shared_ptr<nn::Decoder>& model = learner.model();
    const PreferenceOptions& options = settings.preference;
    switch (settings.method) {
      case Method::kReward:
        return std::make_unique<RewardTask>(model, std::move(pairs_),
                                            any_margin_ ? std::move(margins_) : std::vector<float>(), settings.batch,
                                            settings.reward.center_rewards_coefficient);
      case Method::kOrpo:
        return std::make_unique<OrpoTask>(model, std::move(pairs_), settings.batch, options.beta);
      case Method::kSimpo: {
        SimpoOptions simpo = settings.simpo;
        simpo.beta = options.beta, simpo.label_smoothing = options.label_smoothing;
        return std::make_unique<SimpoTask>(model, std::move(pairs_), settings.batch, simpo);
      }
      default:
        break;
    }
    check(options);
    at::Tensor reference;
    if (!options.reference_free)
      reference = reference_log_probs(*model, pairs_, Batches(pairs_.size(), settings.batch), settings.loop.max_steps,
                                      settings.out / kReferenceFile, settings.loop.quiet);
    return std::make_unique<DpoTask>(model, std::move(pairs_), reference, settings.batch, options);
  }

 private:
  std::vector<AnsweredPrompt> pairs_;
  std::vector<float> margins_;
  bool any_margin_ = false;
};

class LabelledData final : public Data {
 public:
  LabelledData(const Settings& settings, const text::Tokenizer& tokenizer, const text::Chat& chat) {
    for (LabelledTokens& record : encoded_records(
             read_labelled(settings.data), [&](const Labelled& one) { return labelled_tokens(one, tokenizer, chat); },
             settings, *this)) {
      records_.push_back({std::move(record.prompt), {std::move(record.completion)}, {}});
      desirable_.push_back(record.label);
    }
  }
  std::unique_ptr<train::Task> task(const Learner& learner, const Settings& settings) override {
    const std::shared_ptr<nn::Decoder>& model = learner.model();
    std::vector<AnsweredPrompt> others = mismatched(records_, settings.batch.per_device_train_batch_size);
    std::vector<AnsweredPrompt> both = records_;
    for (size_t i = 0; i < both.size(); ++i) both[i].answers.push_back(others[i].answers[0]);
    const at::Tensor reference =
        reference_log_probs(*model, both, Batches(both.size(), settings.batch), settings.loop.max_steps,
                            settings.out / kReferenceFile, settings.loop.quiet);
    KtoOptions options = settings.kto;
    options.beta = settings.preference.beta;
    return std::make_unique<KtoTask>(model, std::move(records_), std::move(others), std::move(desirable_), reference,
                                     settings.batch, options);
  }

 private:
  std::vector<AnsweredPrompt> records_;
  std::vector<bool> desirable_;
};

class PromptData final : public Data {
 public:
  PromptData(const Settings& settings, const text::Tokenizer& tokenizer, const text::Chat& chat) {
    for (PromptTokens& record : encoded_records(
             read_prompts(settings.data), [&](const Prompt& one) { return prompt_tokens(one, tokenizer, chat); },
             settings, *this))
      prompts_.push_back(std::move(record.prompt));
  }
  std::unique_ptr<train::Task> task(const Learner& learner, const Settings& settings) override {
    Policy policy = learner.policy();
    std::shared_ptr<Scorer> scorer = scorer_of(settings, policy.model->spec().vocab_size);
    GroupOptions group = settings.group;
    group.beta = settings.preference.beta;
    switch (settings.method) {
      case Method::kRloo:
        return std::make_unique<RlooTask>(std::move(policy), std::move(prompts_), scorer, settings.batch,
                                          settings.rollout, settings.threads, group);
      case Method::kGrpo:
        return std::make_unique<GroupTask>(std::move(policy), std::move(prompts_), scorer, settings.batch,
                                           settings.rollout, settings.threads, group);
      default:
        return std::make_unique<PpoTask>(std::move(policy), std::move(prompts_), scorer, settings.batch,
                                         settings.rollout, settings.threads, settings.ppo);
    }
  }
  int64_t updates(const Settings& settings) const override {
    return settings.method == Method::kPpo ? settings.ppo.num_ppo_epochs * settings.ppo.num_mini_batches
                                           : settings.group.num_iterations;
  }

 private:
  static std::shared_ptr<Scorer> scorer_of(const Settings& settings, int64_t vocab_size) {
    if (settings.reward_model.empty() == settings.reward_command.empty())
      throw Error({.doing = "train",
                   .where = "reward_model, reward_command",
                   .found = settings.reward_model.empty() ? "neither" : "both",
                   .expected = "one of them"});
    if (!settings.reward_model.empty())
      return reward_model_scorer(settings.reward_model, vocab_size, settings.batch.micro_batch_tokens);
    return command_scorer(settings.reward_command, settings.out);
  }

  std::vector<std::vector<text::TokenId>> prompts_;
};

}  // namespace

std::unique_ptr<Data> read_data(const Settings& settings, const text::Tokenizer& tokenizer) {
  const text::Chat chat(tokenizer);
  switch (settings.method) {
    case Method::kSft:
      return std::make_unique<SftData>(settings, tokenizer, chat);
    case Method::kKto:
      return std::make_unique<LabelledData>(settings, tokenizer, chat);
    case Method::kReward:
    case Method::kDpo:
    case Method::kOrpo:
    case Method::kSimpo:
      return std::make_unique<PairData>(settings, tokenizer, chat);
    case Method::kPpo:
    case Method::kRloo:
    case Method::kGrpo:
      return std::make_unique<PromptData>(settings, tokenizer, chat);
  }
  return nullptr;
}

}  // namespace orrery::align
