// Training data that says which answers are good, and data that only asks. A prompt and its answers are either strings
// or lists of messages in OpenAI's form, all of one kind. What is read, and what becomes of rows that are bad, is as in
// records.h; the forms beside TRL's are LLaMA-Factory's and HH-RLHF's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "orrery/align/rows.h"

namespace orrery::align {

/// Two answers to one prompt, one of them the better.
struct Preference {
  int64_t place = 0;
  nlohmann::ordered_json tools;  ///< a list of JSON schemas, or null
  nlohmann::ordered_json prompt, chosen, rejected;
  std::optional<double> margin;  ///< how much better, for reward models (Touvron et al. 2023, eq. 2)
};

/// Reads rows with
///   prompt + chosen + rejected: strings, messages, or one message
///   chosen + rejected that both begin with the prompt: what they have in common is it, cut as TRL's extract_prompt
///   does;
///     strings that are HH-RLHF dialogues ("\n\nHuman: …\n\nAssistant: …") become messages first
///   messages, conversations (ShareGPT) or instruction (Alpaca) + chosen + rejected; instruction + output, a list of
///   two
/// and margin, if any, a number. Answers that are the same, that say nothing, or that answer different prompts are bad.
Rows<Preference> read_preferences(const std::filesystem::path& file);

/// An answer, and whether it is a good one.
struct Labelled {
  int64_t place = 0;
  nlohmann::ordered_json tools;
  nlohmann::ordered_json prompt, completion;
  bool label = false;
};

/// Reads rows with label (true, false, 1 or 0) and prompt + completion, or a conversation (messages, conversations,
/// instruction + output) whose last message is the completion. A preference gives two records: chosen is true.
Rows<Labelled> read_labelled(const std::filesystem::path& file);

struct Prompt {
  int64_t place = 0;
  nlohmann::ordered_json tools;
  nlohmann::ordered_json prompt;
};

/// Reads rows with prompt; and the prompts of preferences and of conversations, which go to what the assistant says
/// last.
Rows<Prompt> read_prompts(const std::filesystem::path& file);

}  // namespace orrery::align
