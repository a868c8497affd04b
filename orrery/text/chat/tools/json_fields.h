// What requests and conversations that hold tools ask of JSON.
#pragma once

#include <nlohmann/json.hpp>

namespace orrery::text {

/// Whether the object has the field, and not as null, which stands for its absence.
inline bool given(const nlohmann::ordered_json& object, const char* field) {
  return object.contains(field) && !object[field].is_null();
}

}  // namespace orrery::text
