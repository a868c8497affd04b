// LLaMA (Touvron et al. 2023) and all that is built like it: Llama 2 and 3, SmolLM, TinyLlama, Vicuna …
#pragma once

#include "orrery/text/families/family.h"

namespace orrery::text {

Family llama_family();

}  // namespace orrery::text
