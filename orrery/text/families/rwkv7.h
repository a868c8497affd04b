// RWKV-7, "Goose" (Peng et al. 2025).
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family rwkv7_family();

}  // namespace orrery::text
