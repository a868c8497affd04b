// A run's records, read and encoded, and the task that learns from them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "orrery/align/learner.h"
#include "orrery/align/settings.h"
#include "orrery/align/truncation.h"
#include "orrery/text/tokenizer/tokenizer.h"
#include "orrery/train/loop.h"

namespace orrery::align {

/// Where reference log-probabilities lie in a run's folder.
inline constexpr const char* kReferenceFile = "reference.safetensors";

/// What a method learns from: encoded records of its kind, cut as the settings say.
class Data {
 public:
  virtual ~Data() = default;
  /// The task of settings.loop.max_steps steps on them. Reference log-probabilities, where the method has any, are the
  /// model's as it is now; they lie in settings.out. To be called once.
  virtual std::unique_ptr<train::Task> task(const Learner& learner, const Settings& settings) = 0;
  /// Steps that belong together: a run ends, and is saved, between them alone.
  virtual int64_t updates(const Settings&) const { return 1; }

  int64_t records = 0;
  int64_t samples = 0;  ///< what batches count: records, or packs of them
  int64_t skipped = 0;  ///< rows that are none, with skip_bad
  TruncationSummary truncation;
};

/// Reads settings.data as settings.method needs it. Throws Error naming rows that are no records of that kind, or hold
/// nothing to learn, unless skip_bad; and where nothing is left.
std::unique_ptr<Data> read_data(const Settings& settings, const text::Tokenizer& tokenizer);

}  // namespace orrery::align
