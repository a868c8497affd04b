// JSON in both directions: a render's context comes as JSON, and tojson writes it as Python's json.dumps does.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "orrery/text/chat/jinja/value.h"

namespace orrery::text::jinja {

/// Throws Failure for integers past 64 bits, texts that are no UTF-8, and nesting past the budget's depth.
Value from_json(const nlohmann::ordered_json& json);

/// The filter as Hugging Face defines it: json.dumps(value, ensure_ascii=False, indent=None, separators=None,
/// sort_keys=False).
Value tojson(const Value& value, const CallArgs& args);

}  // namespace orrery::text::jinja
