# What most files include is compiled once per room: the standard library, fmt and JSON, and what the call adds.
#
#   orrery_precompile(text rooms)                        the first target of a kind compiles them,
#   orrery_precompile(formats rooms)                     others with the same flags use that
#   orrery_precompile(test_text tests <gtest/gtest.h>)
#
# Files include what they use all the same: the preset fuzz compiles without this, so what is forgotten fails there.
set(ORRERY_STANDARD_HEADERS <algorithm> <array> <bit> <chrono> <cmath> <cstdint> <cstring> <filesystem> <functional> <map> <memory>
    <optional> <random> <set> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>
    <fmt/format.h> <nlohmann/json.hpp>)

function(orrery_precompile target kind)
  get_property(first GLOBAL PROPERTY orrery_headers_of_${kind})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE ${ORRERY_STANDARD_HEADERS} ${ARGN})
    set_property(GLOBAL PROPERTY orrery_headers_of_${kind} ${target})
  endif()
endfunction()
