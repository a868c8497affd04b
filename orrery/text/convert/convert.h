// A hub folder becomes a GGUF file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "orrery/text/convert/quantize_file.h"

namespace orrery::text {

struct ConvertOptions {
  std::string type = "F16";  ///< F32, F16, BF16, Q8_0 or any other mixture's name (text/convert/mixture.h)
  std::string name;          ///< general.name; the folder's when empty
  int threads = 0;           ///< 0: one per core that this process may use
  std::function<void(int64_t done_bytes, int64_t total_bytes)> progress;  ///< of the input, from the calling thread
};

/// Writes, wholly or not at all, a GGUF file that llama.cpp loads: weights under its names, q and k rows paired as it
/// rotates them, vectors as F32, rotary scaling, the tokenizer with its merges or scores, and the chat template.
/// `model`: a hub folder (or what else Checkpoint::open takes, except GGUF: Error). Throws Error for a tokenizer that
/// GGUF cannot express; a folder without one becomes a file without one, which knows token ids only.
QuantizeSummary convert_to_gguf(const std::string& model, const std::filesystem::path& output,
                                const ConvertOptions& options);

}  // namespace orrery::text
