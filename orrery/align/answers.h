// Answers to prompts, and how probable a model finds them.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "orrery/nn/decoder.h"

namespace orrery::align {

/// A prompt and what could follow it.
struct AnsweredPrompt {
  std::vector<text::TokenId> prompt;
  std::vector<std::vector<text::TokenId>> answers;
  /// Tokens that each answer's prompt lacks at its start; empty: none does. Such answers share no prompt.
  std::vector<size_t> skips;

  int64_t size() const;  ///< tokens, the prompt's counted once
  /// Of an answer, the tokens that something comes before.
  int64_t predicted(size_t answer) const {
    const bool first = prompt.size() == (skips.empty() ? 0 : skips[answer]);
    return std::max<int64_t>(0, static_cast<int64_t>(answers[answer].size()) - (first ? 1 : 0));
  }
};

/// Some of them as rows. Where the model can, a prompt's answers are branches of one row, and the prompt is computed
/// once; else each answer has a row with a prompt of its own.
struct PackedAnswers {
  nn::PackedRows rows;
  at::Tensor sources,
      targets;           ///< [m] int64: the place whose hidden state predicts a token of an answer, and the token
  at::Tensor answer_of;  ///< [m] int64: whose token it is; answers are counted through all prompts
  at::Tensor number;     ///< [m] int64: which of its answer's predicted tokens it is
  at::Tensor lengths;    ///< [answers] float32: tokens that are predicted
  at::Tensor last;       ///< [answers] int64: the place of its last token
  at::Tensor prompt_sources, prompt_targets;  ///< [p] int64: the same of all prompts' own tokens but their first
};
PackedAnswers pack_answers(std::span<const AnsweredPrompt* const> prompts, const nn::Decoder& model);

/// Σ log p(token) of each answer, [answers]. hidden: of packed.rows.
at::Tensor answer_log_probs(const nn::Decoder& model, const at::Tensor& hidden, const PackedAnswers& packed);

}  // namespace orrery::align
