// Rows that are longer than a model can take or memory allows. Nothing is cut unless asked, and what was cut is
// counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orrery/align/answer_tokens.h"
#include "orrery/align/learned_tokens.h"
#include "orrery/align/options.h"

namespace orrery::align {

struct TruncationSummary {
  int64_t records = 0;     ///< all there were
  int64_t cut = 0;         ///< those that lost tokens and stayed
  int64_t tokens_cut = 0;  ///< theirs; of a pair, of both rows
  int64_t dropped = 0;     ///< those that are gone: nothing would have been left to learn, or the mode is kDrop
};
/// "12 of 300 records cut (3456 tokens), 2 left out", or that none was.
std::string to_text(const TruncationSummary& summary);

/// Cuts records to max_length and takes out those that have nothing left to learn; the others stay in their order.
/// keep_start: a conversation loses its last turns, or the end of its last one (its end of turn with it); a record that
/// was all prompt up to max_length is left out. keep_end: it loses its beginning: BOS, system message, first turns.
TruncationSummary truncate(std::vector<LearnedTokens>& records, const TruncationOptions& options);
/// As TRL 1.16's DPOTrainer. keep_start: prompts stay whole and answers lose their ends; a pair whose prompt fills
/// max_length is left out. keep_end: each row loses its own beginning, so that answers of different lengths stand
/// behind different parts of the prompt (chosen_skips, rejected_skips), and an answer longer than max_length loses its
/// prompt and its own beginning. drop: the pair is left out where either row is too long, as TRL's RewardTrainer does.
TruncationSummary truncate(std::vector<PairedTokens>& records, const TruncationOptions& options);
/// The same of one answer; TRL's KTOTrainer has keep_start alone.
TruncationSummary truncate(std::vector<LabelledTokens>& records, const TruncationOptions& options);
/// Prompts whose answers are still to be drawn are not cut; those longer than max_length are left out.
TruncationSummary truncate(std::vector<PromptTokens>& records, const TruncationOptions& options);

}  // namespace orrery::align
