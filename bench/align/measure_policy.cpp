// measure_policy POLICY: draws answers to prompts, and says how good they are and how far the policy is from a
// reference.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "orrery/align/answer_tokens.h"
#include "orrery/align/rollouts.h"
#include "orrery/align/scorer.h"
#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::align {
namespace {
namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Options {
  std::string policy, reference, prompts, reward_command, label = "{}";
  fs::path out;
  RolloutOptions rollout{.num_generations = 16, .response_length = 53, .temperature = 1};
  uint64_t seed = 42;
  int threads = 0;
};

struct Answers {
  std::vector<Json> prompts;               // of each answer, as its file has it
  std::vector<Answered> answered;          // one answer each
  std::vector<bool> ended;                 // by a token that ends it
  std::vector<AnsweredPrompt> by_prompts;  // the same tokens, answers to one prompt together
};

Answers draw(const std::shared_ptr<const text::Checkpoint>& policy, const Options& options) {
  const text::Tokenizer& tokenizer = policy->tokenizer();
  const text::Chat chat(tokenizer);
  const Rows<Prompt> rows = read_prompts(options.prompts);
  refuse_bad_rows(rows, options.prompts, false);
  std::vector<std::vector<text::TokenId>> prompts;
  for (const Prompt& row : rows.records) prompts.push_back(prompt_tokens(row, tokenizer, chat).prompt);
  const std::vector<Rollout> rollouts = draw_answers(policy, prompts, options.rollout, options.threads, options.seed);

  Answers answers;
  const auto each = static_cast<size_t>(options.rollout.num_generations);
  for (size_t i = 0; i < rollouts.size(); ++i) {
    const std::vector<text::TokenId>&prompt = prompts[i / each], &tokens = rollouts[i].tokens;
    if (i % each == 0) answers.by_prompts.push_back({prompt, {}, {}});
    answers.by_prompts.back().answers.push_back(tokens);
    answers.prompts.push_back(rows.records[i / each].prompt);
    answers.ended.push_back(rollouts[i].ended);
    // What stands behind the prompt, with the space that it begins with: prompt and answer can be put together again.
    std::vector<text::TokenId> whole = prompt;
    whole.insert(whole.end(), tokens.begin(), tokens.end());
    const std::string before = tokenizer.decode(prompt);
    answers.answered.push_back({{prompt, {tokens}, {}}, before, tokenizer.decode(whole).substr(before.size())});
  }
  return answers;
}

/// Σ over the answer's places of KL(policy ‖ reference) of the next token, for each answer. Its mean over answers that
/// the policy draws is the KL of whole answers, and it varies less than their log-ratio does: no token is drawn for it.
std::vector<float> kl_of_answers(nn::Decoder& policy, nn::Decoder& reference, const Answers& answers) {
  at::NoGradGuard without_gradients;
  std::vector<float> all;
  for (const AnsweredPrompt& prompted : answers.by_prompts) {
    const AnsweredPrompt* one = &prompted;
    const PackedAnswers packed = pack_answers({&one, 1}, policy);
    const auto log_probs = [&](nn::Decoder& model) {  // [places, vocabulary]
      return model.logits(model.hidden(packed.rows).index_select(0, packed.sources)).log_softmax(-1);
    };
    const at::Tensor p = log_probs(policy), kl_of_places = (p.exp() * (p - log_probs(reference))).sum(-1);
    const at::Tensor kl = at::zeros_like(packed.lengths).index_add(0, packed.answer_of, kl_of_places);
    all.insert(all.end(), kl.data_ptr<float>(), kl.data_ptr<float>() + kl.numel());
  }
  return all;
}

/// The label's members, then means over all answers.
Json summary(const Answers& answers, const std::vector<float>& scores, const std::vector<float>& kl,
             const std::string& label) {
  Json means = Json::parse(label);
  const auto count = static_cast<double>(scores.size());
  double score = 0, divergence = 0, tokens = 0, ended = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    score += scores[i], divergence += kl[i], ended += answers.ended[i];
    tokens += static_cast<double>(answers.answered[i].tokens.answers[0].size());
  }
  means.update({{"answers", scores.size()},
                {"reward", score / count},
                {"kl", divergence / count},
                {"tokens", tokens / count},
                {"ended", ended / count}});
  return means;
}

void write(const fs::path& path, const Answers& answers, const std::vector<float>& scores,
           const std::vector<float>& kl) {
  AtomicFile file(path);
  for (size_t i = 0; i < scores.size(); ++i)
    file.write(Json{{"score", scores[i]},
                    {"kl", kl[i]},
                    {"ended", bool(answers.ended[i])},
                    {"prompt", answers.prompts[i]},
                    {"completion", answers.answered[i].completion}}
                   .dump() +
               "\n");
  file.commit();
}

void measure(const Options& options) {
  if (options.threads > 0) at::set_num_threads(options.threads);
  const auto checkpoint = text::Checkpoint::open(options.policy);
  const Answers answers = draw(checkpoint, options);
  const fs::path scratch = options.out.string() + ".scored";
  const std::vector<float> scores = command_scorer(options.reward_command, scratch)->scores(answers.answered);
  fs::remove_all(scratch);
  nn::Decoder policy(*checkpoint), reference(*text::Checkpoint::open(options.reference));
  const std::vector<float> kl = kl_of_answers(policy, reference, answers);
  write(options.out, answers, scores, kl);
  fmt::print("{}\n", summary(answers, scores, kl, options.label).dump());
}

}  // namespace
}  // namespace orrery::align

int main(int count, char** arguments) try {
  orrery::align::Options options;
  CLI::App app("Draws answers of a policy at temperature 1; their mean reward and its KL to a reference as JSON");
  app.add_option("policy", options.policy, "A model")->required();
  app.add_option("--reference", options.reference, "A model with the same vocabulary")->required();
  app.add_option("--prompts", options.prompts, "Rows with prompts")->required();
  app.add_option("--reward-command", options.reward_command, "As orrery train has it")->required();
  app.add_option("--out", options.out, "Gets a line of JSON for each answer, a prompt's behind each other")->required();
  app.add_option("--answers", options.rollout.num_generations, "To each prompt")->capture_default_str();
  app.add_option("--response-length", options.rollout.response_length, "Tokens at most")->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--threads", options.threads, "0 is one per core")->capture_default_str();
  app.add_option("--label", options.label, "An object whose members the printed one begins with");
  CLI11_PARSE(app, count, arguments);
  orrery::align::measure(options);
} catch (const std::exception& error) {
  fmt::print(stderr, "measure_policy: {}\n", error.what());
  return 2;
}
