// RWKV-4 (Peng et al. 2023, "RWKV: Reinventing RNNs for the Transformer Era").
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family rwkv4_family();

}  // namespace orrery::text
