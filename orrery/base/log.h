// What a program tells the one who runs it, apart from its answer: lines on standard error.
#pragma once

#include <string_view>

namespace orrery {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

/// The library says nothing until a program asks for it: the level starts at kOff. Safe from many threads.
void set_log_level(LogLevel level);
LogLevel log_level();
/// "debug", "info", "warning", "error", "off". Throws Error for another name.
LogLevel log_level_from_name(std::string_view name);

/// Servers want to know when: puts date, time and level before each line instead of "orrery: warning: ".
void set_log_timestamps(bool on);

/// Writes one line where `level` is at or above the one that was set. Safe from many threads.
void log(LogLevel level, std::string_view message);

}  // namespace orrery
