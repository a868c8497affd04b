// A whole run: records and a model in, a folder out.
#pragma once

#include <cstdint>
#include <vector>

#include "orrery/align/learned_tokens.h"
#include "orrery/align/learner.h"
#include "orrery/align/settings.h"
#include "orrery/align/truncation.h"

namespace orrery::align {

struct RunSummary {
  int64_t records = 0, skipped = 0;  ///< skipped: rows that are no records, with skip_bad
  TruncationSummary truncation;
  int64_t steps = 0;
  int64_t learned_parameters = 0;
  std::vector<Written> written;
};

/// Trains settings.model on settings.data and leaves in settings.out: config.toml (all settings), metrics.jsonl,
/// TensorBoard's events, checkpoints, and the trained model (Learner::write). Throws Error before anything is written
/// where settings, data or model do not go together.
RunSummary run(const Settings& settings);

/// The first records, as SFT learns them, for --show-mask.
std::vector<LearnedTokens> first_records(const Settings& settings, const text::Tokenizer& tokenizer, int64_t count);

}  // namespace orrery::align
