// From messages to the tokens that a model was trained on.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::cli {

/// The prompt of a conversation, as the model's own template writes it, up to where the answer begins. messages:
/// [{"role", "content"}, …]. Throws Error for a model without a template, and for what the template refuses.
std::vector<text::TokenId> chat_prompt(const text::Tokenizer& tokenizer, const nlohmann::ordered_json& messages);

}  // namespace orrery::cli
