// What finds an answer good or bad.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "orrery/align/answers.h"

namespace orrery::align {

/// A prompt and an answer as tokens and as text.
struct Answered {
  AnsweredPrompt tokens;
  std::string prompt, completion;
};

class Scorer {
 public:
  virtual ~Scorer() = default;
  /// A score for each, finite.
  virtual std::vector<float> scores(std::span<const Answered> answers) = 0;
};

/// A reward model reads an answer's last token. Throws Error where `model` has another head or vocabulary than that.
std::unique_ptr<Scorer> reward_model_scorer(const std::string& model, int64_t vocab_size, int64_t micro_batch_tokens);

/// A program, started by the shell for each batch of answers: it reads a line of JSON for each, {"prompt",
/// "completion"}, and writes a number for each on a line of its own. Its input lies in `folder`. Throws Error with what
/// it said where it fails, or writes anything else.
std::unique_ptr<Scorer> command_scorer(const std::string& command, const std::filesystem::path& folder);

}  // namespace orrery::align
