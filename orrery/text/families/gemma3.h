// Gemma 3, its text model (Gemma Team 2025): windows in five layers of six, norms before and after everything.
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family gemma3_family();

}  // namespace orrery::text
