// Settings as a TOML file.
#pragma once

#include <filesystem>
#include <string>

#include "orrery/align/settings.h"

namespace orrery::align {

/// Reads a file of settings (fields.h has their names) into `settings`; what it does not mention stays as it is. Throws
/// Error naming line and key for what is no TOML, a key that no setting of the method has, and a value of another kind.
void read_settings(const std::filesystem::path& file, Settings& settings);

/// The method that a file names; Error where it names none.
Method method_of_file(const std::filesystem::path& file);

/// All settings that the method has, as such a file.
std::string settings_text(const Settings& settings);

}  // namespace orrery::align
