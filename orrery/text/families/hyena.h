// Hyena (Poli et al. 2023, "Hyena Hierarchy: Towards Larger Convolutional Language Models"), as HazyResearch/safari
// trains it.
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family hyena_family();

}  // namespace orrery::text
