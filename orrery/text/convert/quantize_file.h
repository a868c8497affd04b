// A GGUF file with smaller weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "orrery/base/dtype.h"

namespace orrery::text {

struct QuantizeOptions {
  std::string type = "Q4_K_M";    ///< a mixture's name (text/convert/mixture.h)
  bool allow_requantize = false;  ///< take weights that are quantised already: worse than starting from F16 or F32
  int threads = 0;                ///< 0: one per core that this process may use
  std::function<void(int64_t done_bytes, int64_t total_bytes)> progress;  ///< of the input, from the calling thread
};

struct QuantizeSummary {
  int64_t input_bytes = 0, output_bytes = 0;
  std::map<DType, int64_t> tensors;  ///< how many got each type
  int64_t fallbacks = 0;             ///< those whose rows did not fit the wanted type's blocks
};

/// Reads `input`, writes `output` (wholly or not at all) with the same metadata but general.file_type and
/// general.quantization_version. Types per tensor as llama.cpp's llama-quantize chooses them, without importance
/// matrices. Throws Error for an unknown type, an input that is no GGUF file, output == input, and, unless
/// allow_requantize, an input whose matrices are quantised and would change (named).
QuantizeSummary quantize_file(const std::filesystem::path& input, const std::filesystem::path& output,
                              const QuantizeOptions& options);

}  // namespace orrery::text
