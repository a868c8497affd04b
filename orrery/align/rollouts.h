// Answers drawn from a policy as it is now, by the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "orrery/align/options.h"
#include "orrery/text/checkpoint.h"

namespace orrery::align {

struct Rollout {
  std::vector<text::TokenId> tokens;  ///< the token that ended it included
  bool ended = false;                 ///< by such a token, and not by its length
};

/// Draws num_generations answers to each prompt, [prompts · num_generations], a prompt's behind each other, many at
/// once (text::Engine). Answer i of a prompt follows from the seed, the prompt's number and i. A beginning that prompts
/// share is computed once.
std::vector<Rollout> draw_answers(std::shared_ptr<const text::Checkpoint> policy,
                                  std::span<const std::vector<text::TokenId>> prompts, const RolloutOptions& options,
                                  int threads, uint64_t seed);

}  // namespace orrery::align
