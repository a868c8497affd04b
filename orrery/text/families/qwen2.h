// Qwen 1.5 and Qwen 2 (Bai et al. 2023; Yang et al. 2024): llama with biases on q, k and v.
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family qwen2_family();

}  // namespace orrery::text
