// What both programs do around their commands.
#pragma once

namespace CLI {
class App;
}

namespace orrery::cli {

/// Parses the command line and runs the command; its Errors become one line on standard error. Exit codes: 0 done, 2
/// the user's input is wrong, 1 our fault, 128 + a signal that ended the work.
int run_program(int argc, char** argv, void (*add_commands)(CLI::App& app, char** argv));

}  // namespace orrery::cli
