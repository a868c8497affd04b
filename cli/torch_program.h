// The program for the commands below the libtorch line.
#pragma once

namespace orrery::cli {

/// This process becomes `orrery-torch` with the same arguments, as git becomes git-remote-https. The program lies
/// beside this one. Throws Error where it does not.
[[noreturn]] void become_torch_program(char** argv);

}  // namespace orrery::cli
