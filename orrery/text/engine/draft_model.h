// A smaller model that guesses what the large one will say: speculative decoding (Leviathan et al. 2023; Chen et al.
// 2023).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orrery/text/engine/engine.h"
#include "orrery/text/engine/forward.h"
#include "orrery/text/engine/sequence_memory.h"

namespace orrery::text {

/// One thread at a time (the engine's).
class DraftModel {
 public:
  /// Throws Error as Checkpoint::open does, for a vocabulary that is not the target's (naming the first token that
  /// differs), and for a model without attention: a state cannot take back what was guessed wrongly.
  DraftModel(const std::string& model, const Checkpoint& target, const EngineOptions& options, ThreadPool& pool);

  /// What the draft model remembers of a sequence.
  struct Memory {
    std::optional<SequencePages> pages;
    int64_t computed = 0;
  };
  struct Task {
    std::vector<TokenId>& tokens;  ///< of the sequence: the guesses are appended
    Memory& memory;
    int64_t most = 0;  ///< guesses
  };
  /// The likeliest continuation of each sequence, as the draft model sees it; none of one longer than its context.
  void draft(std::span<const Task> tasks);

 private:
  std::shared_ptr<const Checkpoint> checkpoint_;
  const int64_t context_, vocab_size_;
  KvCache cache_;
  Forward forward_;
  std::vector<Segment> segments_;
  std::vector<size_t> active_;
};

}  // namespace orrery::text
