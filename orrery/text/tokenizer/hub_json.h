// JSON that the hub's files share. Include in .cpp files only.
#pragma once

#include <string>
#include <string_view>

#include "orrery/text/tokenizer/added_tokens.h"
#include "orrery/text/tokenizer/json_view.h"

namespace orrery::text {

/// Throws Error naming `name` and the place of a syntax error.
nlohmann::json parse_hub_json(std::string_view text, const std::string& name);

/// {"content": …, "special": …, "lstrip": …, …}.
AddedToken added_token_from_json(const JsonView& json, TokenId id);

}  // namespace orrery::text
