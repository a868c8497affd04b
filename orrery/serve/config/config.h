// orrery.toml: the server's settings as a file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "orrery/serve/app.h"

namespace orrery::serve {

/// Reads a file into options (docs/serving.md has all keys); what it does not mention stays as it is. `engine`: what
/// models start from. Relative paths are from the file's folder; a model's path may also be a short name. Throws Error
/// naming line and key for what is no TOML, a key that is not known, and a value of another kind.
void read_config(const std::filesystem::path& file, const text::EngineOptions& engine, ServeOptions& options);

/// "512M", "8G", "1.5T" or plain bytes; nothing where it is no size.
std::optional<int64_t> bytes_of(const std::string& text);

}  // namespace orrery::serve
