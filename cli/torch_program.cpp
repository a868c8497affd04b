#include "cli/torch_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "orrery/base/error.h"

namespace orrery::cli {

void become_torch_program(char** argv) {
  std::error_code failed;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::filesystem::path program = here.parent_path() / "orrery-torch";
  // Threads that wait by turning take the processor from whoever shares it, each other first: three runs at once took
  // five times as long. Read when libtorch is loaded, so it is said here.
  ::setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
  ::execv(program.c_str(), argv);
  throw Error({.doing = "run this command",
               .where = program.string(),
               .found = errno == ENOENT ? "nothing" : std::strerror(errno),
               .expected = "the program that holds libtorch",
               .advice = "`make` builds it and fetches libtorch; `make run` alone does not"});
}

}  // namespace orrery::cli
