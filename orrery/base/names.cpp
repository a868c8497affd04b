#include "orrery/base/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "orrery/base/error.h"

namespace orrery {

void refuse_name(std::string_view option, std::string_view found, const std::vector<std::string_view>& known) {
  throw Error({.doing = "read the settings",
               .where = std::string(option),
               .found = std::string(found),
               .expected = fmt::format("one of {}", fmt::join(known, ", "))});
}

}  // namespace orrery
