// Files of the web that are part of the program.
#pragma once

#include <string>

#include "orrery/serve/router.h"
#include "web/assets.h"

namespace orrery::serve {

/// Answers GET of a path with a file. `policy`: its Content-Security-Policy. Both outlive the router.
void add_asset(Router& router, const std::string& path, const web::Asset& asset, const char* policy);

}  // namespace orrery::serve
