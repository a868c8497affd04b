// The `orrery-torch` program: the commands below the libtorch line.
#include "cli/commands.h"
#include "cli/program.h"
#include "cli/torch/train.h"

namespace orrery::cli {
namespace {

void add_commands(CLI::App& app, char**) { add_train(app, train); }

}  // namespace
}  // namespace orrery::cli

int main(int argc, char** argv) { return orrery::cli::run_program(argc, argv, orrery::cli::add_commands); }
