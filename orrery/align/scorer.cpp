#include "orrery/align/scorer.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::align {

namespace {
namespace fs = std::filesystem;

class RewardModel final : public Scorer {
 public:
  RewardModel(const std::string& model, int64_t vocab_size, int64_t micro_batch_tokens)
      : micro_batch_tokens_(micro_batch_tokens) {
    const auto checkpoint = text::Checkpoint::open(model);
    const auto refuse = [&](std::string found, std::string expected) {
      throw Error({.doing = "open a reward model", .where = model, .found = found, .expected = expected});
    };
    if (checkpoint->spec().labels != 1) refuse("no head of one score", "a model that orrery train reward wrote");
    if (checkpoint->spec().vocab_size != vocab_size)
      refuse(fmt::format("a vocabulary of {}", checkpoint->spec().vocab_size),
             fmt::format("the policy's, {} tokens", vocab_size));
    at::NoGradGuard without_gradients;
    model_ = std::make_unique<nn::Decoder>(*checkpoint);
  }

  std::vector<float> scores(std::span<const Answered> answers) override {
    at::NoGradGuard without_gradients;
    std::vector<float> all;
    for (size_t first = 0; first < answers.size();) {
      std::vector<const AnsweredPrompt*> part;
      int64_t tokens = 0;
      while (first < answers.size() && (part.empty() || tokens + answers[first].tokens.size() <= micro_batch_tokens_)) {
        tokens += answers[first].tokens.size();
        part.push_back(&answers[first++].tokens);
      }
      const PackedAnswers packed = pack_answers(part, *model_);
      const at::Tensor scores = model_->logits(model_->hidden(packed.rows).index_select(0, packed.last)).contiguous();
      all.insert(all.end(), scores.data_ptr<float>(), scores.data_ptr<float>() + scores.numel());
    }
    return all;
  }

 private:
  int64_t micro_batch_tokens_;
  std::unique_ptr<nn::Decoder> model_;
};

class Command final : public Scorer {
 public:
  Command(std::string command, fs::path folder)
      : command_(std::move(command)), input_(std::move(folder) / "answers.jsonl") {}

  std::vector<float> scores(std::span<const Answered> answers) override {
    fs::create_directories(input_.parent_path());
    AtomicFile file(input_);
    for (const Answered& answer : answers)
      file.write(nlohmann::ordered_json{{"prompt", answer.prompt}, {"completion", answer.completion}}.dump(
                     -1, ' ', false, nlohmann::json::error_handler_t::replace) +
                 "\n");
    file.commit();
    return numbers(output(), answers.size());
  }

 private:
  [[noreturn]] void refuse(std::string found, std::string expected) const {
    throw Error(
        {.doing = "score answers", .where = command_, .found = std::move(found), .expected = std::move(expected)});
  }

  std::string output() const {
    std::string quoted = input_.string();
    for (size_t at = 0; (at = quoted.find('\'', at)) != quoted.npos; at += 4) quoted.replace(at, 1, "'\\''");
    std::FILE* pipe = ::popen(fmt::format("({}) < '{}'", command_, quoted).c_str(), "re");
    if (pipe == nullptr) refuse("a shell that cannot be started", "one");
    std::string text;
    char piece[4096];
    while (const size_t size = std::fread(piece, 1, sizeof piece, pipe)) text.append(piece, size);
    const int status = ::pclose(pipe);
    if (status != 0) refuse(fmt::format("exit code {}", WIFEXITED(status) ? WEXITSTATUS(status) : -1), "0");
    return text;
  }

  std::vector<float> numbers(const std::string& text, size_t wanted) const {
    std::vector<float> scores;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      double score = 0;
      const auto [last, code] = std::from_chars(text.data() + at, text.data() + end, score);
      if (code != std::errc() || last != text.data() + end || !std::isfinite(score))
        refuse(fmt::format("{} in line {}", text.substr(at, std::min<size_t>(end - at, 60)), scores.size() + 1),
               "a number");
      scores.push_back(static_cast<float>(score));
      at = end + 1;
    }
    if (scores.size() != wanted)
      refuse(fmt::format("{} lines", scores.size()), fmt::format("{}, one for each answer", wanted));
    return scores;
  }

  std::string command_;
  fs::path input_;
};

}  // namespace

std::unique_ptr<Scorer> reward_model_scorer(const std::string& model, int64_t vocab_size, int64_t micro_batch_tokens) {
  return std::make_unique<RewardModel>(model, vocab_size, micro_batch_tokens);
}

std::unique_ptr<Scorer> command_scorer(const std::string& command, const fs::path& folder) {
  return std::make_unique<Command>(command, folder);
}

}  // namespace orrery::align
