// Fuyu (Bavishi et al. 2023): Persimmon's decoder, with image patches where other models have tokens only.
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family fuyu_family();

}  // namespace orrery::text
