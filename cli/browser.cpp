#include "cli/browser.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "orrery/base/child_process.h"

namespace orrery::cli {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

}  // namespace

bool open_browser(const std::string& address) {
  const auto program = find_program("xdg-open");
  if (!program || !(is_set("DISPLAY") || is_set("WAYLAND_DISPLAY"))) return false;
  std::string path = program->string(), word = address;
  char* const words[] = {path.data(), word.data(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})  // what a browser says is not ours
    posix_spawn_file_actions_addopen(&files, stream, "/dev/null", O_RDWR, 0);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID);  // Ctrl-C here does not end it
  pid_t child = 0;
  const bool started = posix_spawn(&child, path.c_str(), &files, &how, words, environ) == 0;
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  if (started) std::thread([child] { ::waitpid(child, nullptr, 0); }).detach();
  return started;
}

}  // namespace orrery::cli
