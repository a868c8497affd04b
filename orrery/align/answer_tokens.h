// The tokens of prompts and their answers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "orrery/align/preferences.h"
#include "orrery/text/chat/chat.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::align {

/// Two rows: prompt + chosen, prompt + rejected.
struct PairedTokens {
  int64_t place = 0;
  std::vector<text::TokenId> prompt, chosen, rejected;
  /// Of the prompt, tokens that an answer's row leaves out at its start: 0 unless truncation keeps the end.
  size_t chosen_skips = 0, rejected_skips = 0;
  size_t merged = 0;  ///< tokens at the prompt's end that are others when an answer follows, and so are in no row
  std::optional<double> margin;
};

struct LabelledTokens {
  int64_t place = 0;
  std::vector<text::TokenId> prompt, completion;
  size_t merged = 0;
  bool label = false;
};

struct PromptTokens {
  int64_t place = 0;
  std::vector<text::TokenId> prompt;
};

/// As TRL 1.16's DPOTrainer has them. A conversation's prompt is what the chat template makes of it with a generation
/// prompt, and answers are what the template writes on behind it, to its end. Plain strings begin with the tokenizer's
/// BOS, if it adds one, and end with EOS, unless they do so already. Texts are encoded whole: where a token would have
/// a part in both prompt and answer, the prompt ends before it, in both rows, and it is the answer's. Throws Error
/// where what the template makes of prompt and answer does not begin with the prompt, and where nothing is left to be
/// learned.
PairedTokens paired_tokens(const Preference& record, const text::Tokenizer& tokenizer, const text::Chat& chat);
/// As TRL's KTOTrainer has them: the same of one answer.
LabelledTokens labelled_tokens(const Labelled& record, const text::Tokenizer& tokenizer, const text::Chat& chat);
/// The prompt alone, with a generation prompt. Throws Error where it has no token.
PromptTokens prompt_tokens(const Prompt& record, const text::Tokenizer& tokenizer, const text::Chat& chat);

}  // namespace orrery::align
