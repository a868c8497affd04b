// A model with adapters folded into its weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "orrery/text/convert/merged_tensors.h"

namespace orrery::text {

struct MergeOptions {
  int threads = 0;                                                        ///< 0: one per core that this process may use
  std::function<void(int64_t done_bytes, int64_t total_bytes)> progress;  ///< of the weights, from the calling thread
};

struct MergeSummary {
  int64_t tensors = 0, changed = 0;  ///< of the output
  /// Between the merged model and the base with its adapters, over all logits of a fixed text.
  std::optional<float> largest_logit_change;
  std::string not_compared;  ///< why there is none: an adapter that the engine cannot run unmerged
};

/// Writes `model` with the adapters in it, wholly or not at all, every tensor in its own type. `output`: a .gguf file,
/// or a new folder: Meta's for a model in Meta's layout, else the hub's. Throws Error as MergedTensors, bind() and the
/// converters do, and for a folder that is there already.
MergeSummary merge_adapters(const std::string& model, std::vector<WeightedAdapter> adapters,
                            const std::filesystem::path& output, const MergeOptions& options);

}  // namespace orrery::text
