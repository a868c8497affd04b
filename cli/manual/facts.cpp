#include "cli/manual/facts.h"

namespace orrery::cli {

std::vector<Fact> exit_codes() {
  return {{"0", "Done; also when the reader of a pipe has gone away."},
          {"2", "What was asked cannot be done: one line on standard error says what was wrong."},
          {"1", "A fault of the program's own."},
          {"130", "Ctrl-C; 128 + signal in general. Nothing half-written is left behind."}};
}

std::vector<Fact> environment_variables() {
  return {{"XDG_CACHE_HOME", "Models with short names live in its orrery/models; ~/.cache where it is not set."},
          {"XDG_STATE_HOME",
           "orrery chat keeps its history in its orrery/chat_history; ~/.local/state where it is not set."},
          {"ORRERY_ISA", "Kernels use no more than this instruction set: reference, avx2, avx512, neon."},
          {"ORRERY_LOG", "What is told on standard error: debug, info, warning (the default), error, off."},
          {"NO_COLOR", "Set to anything: no colours."}};
}

}  // namespace orrery::cli
