// A program run for its output, within limits: what reads untrusted files and is not ours stays outside our process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orrery {

struct ChildLimits {
  int64_t cpu_seconds = 60;           ///< processor time
  int64_t wall_seconds = 120;         ///< from start to end
  int64_t memory_bytes = 1LL << 30;   ///< address space
  int64_t output_bytes = 64LL << 20;  ///< on its standard output
  int64_t file_bytes = 0;             ///< of each file that it writes; 0: it may write none
};

/// For a program that works for long and is trusted with files.
struct ChildWork {
  std::vector<std::string> environment;  ///< "NAME=value", besides what every child knows
  /// Called with what comes on either stream, as it comes; nothing is kept for ChildOutcome then, and output_bytes
  /// bounds what standard output says in all. Must not throw.
  std::function<void(std::string_view text)> heard;
};

struct ChildOutcome {
  enum class End { kExited, kSignalled, kCpuLimit, kWallLimit, kOutputLimit };
  End end = End::kExited;
  int code = 0;        ///< exit code with kExited, signal with kSignalled
  std::string output;  ///< its standard output, where a limit ended it: what had come by then
  std::string errors;  ///< the first 64 KiB of its standard error
};

/// Where the shell would find a program: the first executable regular file of that name in PATH's folders.
std::optional<std::filesystem::path> find_program(std::string_view name);

/// Runs arguments[0] (a path) with arguments, without a shell, and waits for its end. The child has no input, no open
/// files but its output, may write no files (but for limits.file_bytes) and no core, gains no privileges, knows of the
/// environment only PATH and a UTF-8 locale, and is killed with its process group at a limit or when this process dies.
/// Call it from one thread or several. Throws Error naming the program where it cannot be started.
ChildOutcome run_child(const std::vector<std::string>& arguments, const ChildLimits& limits,
                       const ChildWork& work = {});

}  // namespace orrery
