// What the server answers, for programs that write clients and tests.
#pragma once

#include <string_view>

namespace orrery::serve {

/// openapi.json, an OpenAPI 3.1 document.
std::string_view openapi_document();

}  // namespace orrery::serve
