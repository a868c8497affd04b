// Mixtral (Jiang et al. 2024): llama with a mixture of experts for its feed-forward layers.
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family mixtral_family();

}  // namespace orrery::text
