#include "cli/torch_program.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "orrery/base/error.h"

namespace orrery::cli {

void become_torch_program(char** argv) {
  std::error_code failed;
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe", failed);
  const std::filesystem::path program = here.parent_path() / "orrery-torch";
  ::execv(program.c_str(), argv);
  throw Error({.doing = "train",
               .where = program.string(),
               .found = errno == ENOENT ? "nothing" : std::strerror(errno),
               .expected = "the program that holds libtorch",
               .advice = "`make` builds it and fetches libtorch; `make run` alone does not"});
}

}  // namespace orrery::cli
