// What a model needs and how fast it will run here, before it is run, or even downloaded.
#pragma once

#include <string>
#include <vector>

#include "orrery/text/plan/rates.h"

namespace orrery::text {

struct PlanOptions {
  Workload workload;
  int threads = 0;                 ///< 0: one per core
  int64_t context = 0;             ///< tokens of the sequence whose memory is told; 0: the model's, at most 8192
  std::vector<std::string> types;  ///< mixtures; empty: F16, Q8_0, Q4_K_M, Q4_0
};

struct Plan {
  /// The model with its weights in one type, or in one mixture of types.
  struct Row {
    std::string type;  ///< "Q4_K_M"; "as it is" for the types of a checkpoint
    int64_t weight_bytes = 0;
    PredictedRates rates;
  };
  DecoderSpec spec;
  ModelSize size;
  int64_t context = 0;
  int64_t cache_bytes_per_token = 0, sequence_bytes = 0;  ///< of a sequence of `context` tokens
  MachineRates machine;
  std::vector<Row> rows;
};

/// A checkpoint, or a config.json of a known family alone (or a folder with nothing else). Measures the machine for a
/// second or two. Throws Error as Checkpoint::open does, and naming a type that is not known.
Plan make_plan(const std::string& model, const PlanOptions& options);

/// Price per million tokens, in the currency of the price.
inline double price_per_million(double price_per_hour, double tokens_per_second) {
  return price_per_hour / 3600 / tokens_per_second * 1e6;
}

}  // namespace orrery::text
