// How surprised a model is by a text, and how far the quantised model is from the exact one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "orrery/text/engine/engine.h"

namespace orrery::text {

struct PerplexityOptions {
  int64_t context = 512;  ///< tokens of a chunk; the second half of each is scored
  int64_t chunks = -1;    ///< chunks scored, from the beginning; -1: all
};

/// Kullback-Leibler divergence of the answers' distributions, exact ‖ quantised, over the scored positions, in nats.
struct Divergence {
  double mean = 0, mean_error = 0;  ///< error: of the mean, one standard deviation
  double largest = 0;
  double top1_agreement = 0;    ///< share of positions where both have the same likeliest token
  double exact_perplexity = 0;  ///< of the exact model on the same tokens
};

struct PerplexityResult {
  double perplexity = 0, perplexity_error = 0;  ///< exp of the mean negative log-likelihood; one standard deviation
  double mean_nll = 0;                          ///< nats per token
  int64_t tokens = 0, chunks = 0;               ///< scored
  std::optional<Divergence> divergence;         ///< where there was an exact engine
};

/// As llama.cpp's llama-perplexity counts: the text's tokens (with the tokenizer's special ones) are cut into chunks of
/// `context`; the first token of each is replaced by BOS where the model begins texts with it; of each chunk the tokens
/// after position context / 2 are scored, each given all before it in its chunk. A tail that fills no chunk is left
/// out. exact: the same checkpoint in an engine with EngineOptions::exact. progress gets the tokens computed so far and
/// in all. Throws Error for a text shorter than one chunk, and for a context beyond the engine's.
PerplexityResult perplexity(Engine& engine, std::span<const TokenId> tokens, const PerplexityOptions& options,
                            Engine* exact = nullptr, const std::function<void(int64_t, int64_t)>& progress = {});

}  // namespace orrery::text
