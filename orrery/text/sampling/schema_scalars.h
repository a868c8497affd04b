// What a JSON schema says of single values, as GBNF: enum and const, strings, numbers. Nothing where no value satisfies
// it; what says nothing is a shared rule's name ("string", "number", "integer").
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "orrery/text/sampling/schema_parts.h"

namespace orrery::text {

/// enum, const: the values of the alternative's types. Throws Error where other keywords limit them.
std::optional<std::string> gbnf_values(const SchemaParts& parts);
/// pattern, format, minLength, maxLength. Throws Error for two of these that are no pair, and for an unknown format.
std::optional<std::string> gbnf_string(const SchemaParts& parts);
/// minimum, maximum and their exclusive forms; `type` is "integer" or "number".
std::optional<std::string> gbnf_number(const std::string& type, const SchemaParts& parts);

/// "{2,5}", "*", …
std::string gbnf_counts(uint32_t least, std::optional<uint32_t> most);
/// A keyword's count; 0, or nothing, where it is absent.
uint32_t least_count(const SchemaParts& parts, const char* keyword);
std::optional<uint32_t> most_count(const SchemaParts& parts, const char* keyword);

}  // namespace orrery::text
