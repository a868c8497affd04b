#include "orrery/align/answer_tokens.h"

#include <algorithm>

#include "orrery/align/encoded.h"

namespace orrery::align {

namespace {
using Json = nlohmann::ordered_json;
using Tokens = std::vector<text::TokenId>;

/// Encodes a record's prompt, and answers behind it.
class Encoder {
 public:
  template <class Record>
  Encoder(const Record& record, const text::Tokenizer& tokenizer, const text::Chat& chat)
      : place_(record.place), prompt_(record.prompt), tools_(record.tools), tokenizer_(tokenizer), chat_(chat) {
    if (conversation()) rendered_ = chat_.prompt(prompt_, tools_, true, nullptr);
  }

  Tokens prompt() const {
    return conversation() ? tokenizer_.encode(rendered_, {.add_special = false})
                          : encoded(prompt_.get<std::string>(), tokenizer_);
  }

  /// Prompt and answer.
  Tokens row(const Json& answer) const {
    if (!conversation()) return encoded_to_the_end(prompt_.get<std::string>() + answer.get<std::string>(), tokenizer_);
    Json messages = prompt_;
    for (const Json& one : answer) messages.push_back(one);
    const std::string whole = chat_.prompt(messages, tools_, false, nullptr);
    if (!whole.starts_with(rendered_))
      refuse_record(place_, "an answer before which the chat template writes the prompt otherwise than without it",
                    "a template that goes on where its generation prompt ends");
    return tokenizer_.encode(whole, {.add_special = false});
  }

  /// What stands behind `prompt` tokens; one of it at least has something before it.
  Tokens answer(const Tokens& row, size_t prompt) const {
    if (row.size() < std::max<size_t>(prompt + 1, 2))
      refuse_record(place_, "an answer without a token to be learned", "one at least");
    return {row.begin() + static_cast<std::ptrdiff_t>(prompt), row.end()};
  }

 private:
  bool conversation() const { return prompt_.is_array(); }

  const int64_t place_;
  const Json &prompt_, &tools_;
  const text::Tokenizer& tokenizer_;
  const text::Chat& chat_;
  std::string rendered_;
};

}  // namespace

PairedTokens paired_tokens(const Preference& record, const text::Tokenizer& tokenizer, const text::Chat& chat) {
  const Encoder encoder(record, tokenizer, chat);
  PairedTokens tokens{.place = record.place, .prompt = encoder.prompt(), .margin = record.margin};
  const Tokens chosen = encoder.row(record.chosen), rejected = encoder.row(record.rejected);
  const size_t prompt = std::min(common_prefix(tokens.prompt, chosen), common_prefix(tokens.prompt, rejected));
  tokens.merged = tokens.prompt.size() - prompt;
  tokens.prompt.resize(prompt);
  tokens.chosen = encoder.answer(chosen, prompt);
  tokens.rejected = encoder.answer(rejected, prompt);
  return tokens;
}

LabelledTokens labelled_tokens(const Labelled& record, const text::Tokenizer& tokenizer, const text::Chat& chat) {
  const Encoder encoder(record, tokenizer, chat);
  LabelledTokens tokens{.place = record.place, .prompt = encoder.prompt(), .label = record.label};
  const Tokens row = encoder.row(record.completion);
  const size_t prompt = common_prefix(tokens.prompt, row);
  tokens.merged = tokens.prompt.size() - prompt;
  tokens.prompt.resize(prompt);
  tokens.completion = encoder.answer(row, prompt);
  return tokens;
}

PromptTokens prompt_tokens(const Prompt& record, const text::Tokenizer& tokenizer, const text::Chat& chat) {
  PromptTokens tokens{.place = record.place, .prompt = Encoder(record, tokenizer, chat).prompt()};
  if (tokens.prompt.empty()) refuse_record(record.place, "a prompt without a token", "one at least");
  return tokens;
}

}  // namespace orrery::align
