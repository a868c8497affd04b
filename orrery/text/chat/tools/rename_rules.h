// Grammars put together: the rules of one get names that no other has.
#pragma once

#include <string>
#include <string_view>

namespace orrery::text {

/// The GBNF with `prefix` before the name of every rule, where it is defined and where it is used. The text must be
/// well formed, and have no comments.
std::string renamed_rules(std::string_view gbnf, std::string_view prefix);

}  // namespace orrery::text
