// How fast an engine reads prompts and writes answers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "orrery/text/engine/engine.h"

namespace orrery::text {

struct ThroughputOptions {
  int64_t prompt = 512;   ///< tokens of a prompt; 0 leaves prompts out
  int64_t decode = 128;   ///< tokens of an answer; 0 leaves answers out
  int64_t sequences = 1;  ///< at once
  int64_t depth = 0;      ///< tokens that each sequence holds already when the clock starts
  int repetitions = 3;    ///< after one that is not counted
};

/// The tokens that the longest sequence of a measurement holds: the least EngineOptions::context for it.
int64_t tokens_needed(const ThroughputOptions& options);

/// Tokens per second of all sequences together, one number per repetition, and where the time went.
struct Throughput {
  std::vector<double> prompt, decode;
  /// Seconds per token in the first and in the last chunk of the prompt; 0 where it has fewer than three chunks
  /// (EngineOptions::prompt_chunk) or the engine could not reuse the cache of what stands before the last.
  double prompt_first = 0, prompt_last = 0;
  std::vector<std::pair<std::string, double>> prompt_profile, decode_profile;  ///< seconds per kernel, all repetitions
  int64_t drafted = 0, accepted = 0;  ///< tokens guessed ahead in answers, and of these right
};

/// What llama.cpp's llama-bench (one sequence) and llama-batched-bench (several) measure: random prompts, each used
/// once; prompt time from submission to the last sequence's first token; answers begin behind `depth` tokens, the same
/// ones in each repetition (an empty context for 0), and their time runs from the moment when every sequence has its
/// first token to the moment when the first of them ends, so that all of them are being decoded all of it. progress
/// gets the measurements done and in all. Throws Error where tokens_needed() or the sequences are more than the
/// engine's options allow.
Throughput measure_throughput(Engine& engine, const ThroughputOptions& options,
                              const std::function<void(int64_t, int64_t)>& progress = {});

/// The mean, and the standard deviation of one repetition.
std::pair<double, double> mean_and_deviation(const std::vector<double>& values);

}  // namespace orrery::text
