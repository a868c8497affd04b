// Mistral 7B (Jiang et al. 2023) and what is built on it: Zephyr, OpenHermes …: llama with a sliding window.
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family mistral_family();

}  // namespace orrery::text
