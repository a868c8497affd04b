// Tools for a model whose chat template says nothing of them.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace orrery::text {

/// tool_messages()' last step for the generic format: the tools in a message, results in messages of the user.
nlohmann::ordered_json generic_messages(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                                        bool takes_system);

}  // namespace orrery::text
