// The default model as one that fills gaps.
#pragma once

#include <string>

#include "tests/cli/program.h"

namespace orrery::cli_test {

constexpr int kPrefix = 8, kSuffix = 9, kMiddle = 10;  ///< marks of SmolLM2's vocabulary that chat does not use

/// Code around a gap.
inline const std::string kAbove = "def add(a, b):\n", kBehind = "\n\nprint(add(1, 2))\n";

/// The default model, told by further metadata which of its tokens fill a gap: a file in `folder`.
std::string model_for_gaps(const TemporaryFolder& folder);

}  // namespace orrery::cli_test
