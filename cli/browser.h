// The person's browser.
#pragma once

#include <string>

namespace orrery::cli {

/// Opens an address by xdg-open, which is not waited for. False where there is no display to open it on, or no such
/// program.
bool open_browser(const std::string& address);

}  // namespace orrery::cli
