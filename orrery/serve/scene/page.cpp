#include "orrery/serve/scene/page.h"

#include "orrery/base/error.h"

namespace orrery::serve {

const web::Asset& viewer_asset(std::string_view path) {
  if (const web::Asset* found = web::find(path)) return *found;
  throw Error({.doing = "view a scene",
               .found = "a program without the viewer's page",
               .expected = "one that was built where three.js and Spark are",
               .advice = "run setup/fetch.sh three spark (it needs npm) and build again"});
}

}  // namespace orrery::serve
