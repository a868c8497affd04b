// Any checkpoint becomes a hub folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "orrery/base/dtype.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/convert/quantize_file.h"

namespace orrery::text {

struct HubOptions {
  std::string type = "F16";                                               ///< F32, F16 or BF16
  int threads = 0;                                                        ///< 0: one per core that this process may use
  std::function<void(int64_t done_bytes, int64_t total_bytes)> progress;  ///< of the input, from the calling thread
};

/// Writes, wholly or not at all, a folder that transformers loads: config.json in 2023's dialect, model.safetensors (in
/// shards of 5 GB), the tokenizer and chat template of a GGUF file, generation_config.json. Quantised weights are
/// turned into numbers of the asked type. `model`: a GGUF file, Meta's or llama2.c's files, a hub folder. Throws Error
/// when `folder` is there already, and for what no hub folder can say.
QuantizeSummary convert_to_hub(const std::string& model, const std::filesystem::path& folder,
                               const HubOptions& options);
/// The same of a checkpoint that is open. A model with scores for labels (a reward model) becomes the hub's
/// …ForSequenceClassification.
QuantizeSummary convert_to_hub(const Checkpoint& checkpoint, const std::filesystem::path& folder,
                               const HubOptions& options);

}  // namespace orrery::text
