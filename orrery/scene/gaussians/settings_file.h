// Settings of orrery scene train as a TOML file.
#pragma once

#include <filesystem>
#include <string>

#include "orrery/scene/gaussians/settings.h"

namespace orrery::scene {

/// Reads a file of settings (fields.h has their names); what it does not mention stays as it is. Throws Error naming
/// line and key for what is no TOML, a key that is not known, and a value of another kind.
void read_settings(const std::filesystem::path& file, TrainSettings& settings);

/// All settings, as such a file.
std::string settings_text(const TrainSettings& settings);

}  // namespace orrery::scene
