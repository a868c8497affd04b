// The viewer's page among the files of the web.
#pragma once

#include <string_view>

#include "web/assets.h"

namespace orrery::serve {

/// Throws Error where the program was built without three.js and Spark.
const web::Asset& viewer_asset(std::string_view path);

}  // namespace orrery::serve
