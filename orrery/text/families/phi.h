// phi-1, phi-1.5, phi-2 (Gunasekar et al. 2023; Li et al. 2023): attention and MLP side by side on one LayerNorm.
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family phi_family();

}  // namespace orrery::text
