#include "orrery/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>

#include "orrery/base/error.h"
#include "orrery/base/progress.h"

namespace orrery {
namespace {

constexpr const char* kPlain = "orrery: %l: %v";
constexpr const char* kTimestamps = "%Y-%m-%d %H:%M:%S.%e %l %v";

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

spdlog::logger& logger() {
  static const std::unique_ptr<spdlog::logger> instance = [] {
    auto made = std::make_unique<spdlog::logger>("orrery", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::off);
    made->set_pattern(kPlain);
    return made;
  }();
  return *instance;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(spdlog_level(level)); }

LogLevel log_level() {
  for (LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError})
    if (logger().level() == spdlog_level(level)) return level;
  return LogLevel::kOff;
}

LogLevel log_level_from_name(std::string_view name) {
  if (name == "debug") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warning") return LogLevel::kWarning;
  if (name == "error") return LogLevel::kError;
  if (name == "off") return LogLevel::kOff;
  throw Error(
      {.doing = "set the log level", .found = std::string(name), .expected = "debug, info, warning, error or off"});
}

void set_log_timestamps(bool on) { logger().set_pattern(on ? kTimestamps : kPlain); }

void log(LogLevel level, std::string_view message) {
  if (!logger().should_log(spdlog_level(level))) return;
  erase_progress_bar();
  logger().log(spdlog_level(level), spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace orrery
