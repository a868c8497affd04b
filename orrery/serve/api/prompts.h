// Texts as requests give them: strings, or token ids, or lists of either.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/serve/api/fields.h"
#include "orrery/serve/models/model.h"

namespace orrery::serve {

/// Each is a string, or a list of token ids. Throws Refusal for another form, and for more than `most`.
std::vector<nlohmann::ordered_json> read_prompts(Fields& fields, std::string_view name, size_t most);

/// Throws Refusal naming `param` for tokens that the model does not have, a text without any, and one that does not
/// fit.
std::vector<text::TokenId> tokens_of(const Model& model, const nlohmann::ordered_json& prompt,
                                     const std::string& param);

}  // namespace orrery::serve
