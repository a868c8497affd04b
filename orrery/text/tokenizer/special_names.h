// Tokens whose meaning is only in their name.
#pragma once

#include <span>
#include <string_view>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// Models end an answer with a token of this name.
bool is_end_name(std::string_view piece);

/// Fills end_of_generation: eos, eot and eom where given, `listed` (generation_config.json), and every token that
/// models end an answer with, by its name, as llama.cpp lists them. Call last.
void find_end_of_generation(Tokenizer& tokenizer, std::span<const TokenId> listed);

}  // namespace orrery::text
