// What an adapter changes, for orrery inspect.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "orrery/text/adapters/adapter.h"

namespace orrery::cli {

/// {"kind", "parameters", "linears", "modules", "ranks", "scales", "biases", "input_scales", "replaced", "prompts":
/// {"layers", "length"}}.
nlohmann::ordered_json adapter_json(const text::Adapter& adapter);

/// The same for people.
std::string adapter_text(const nlohmann::ordered_json& adapter);

}  // namespace orrery::cli
