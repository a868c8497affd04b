// RWKV-5.2, "Eagle" (Peng et al. 2024, "Eagle and Finch").
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family rwkv5_family();

}  // namespace orrery::text
