#include "cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <exception>

#include "cli/interrupt.h"
#include "cli/io.h"
#include "cli/manual/describe.h"
#include "cli/usage.h"
#include "orrery/base/error.h"
#include "orrery/base/log.h"

namespace orrery::cli {
namespace {

int parse_and_run(int argc, char** argv, void (*add_commands)(CLI::App& app, char** argv)) {
  prepare_standard_streams();
  CLI::App app{"Orrery: AI's year 2023 in one native program", "orrery"};
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "orrery " ORRERY_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // commands inherit it
  add_commands(app, argv);
  try {
    const char* level = std::getenv("ORRERY_LOG");
    set_log_level(level != nullptr ? log_level_from_name(level) : LogLevel::kWarning);
    app.parse(argc, argv);
    if (const CLI::App& command = chosen_command(app); is_group(command)) print(help_text_of(command));
    return 0;
  } catch (const CLI::CallForVersion& version) {
    print(fmt::format("{}\n", version.what()));
    return 0;
  } catch (const CLI::CallForHelp&) {
    print(help_text_of(chosen_command(app)));
    return 0;
  } catch (const CLI::ParseError& error) {
    print_error(usage_problem(app, error, argc, argv));
    return 2;
  }
}

}  // namespace

int run_program(int argc, char** argv, void (*add_commands)(CLI::App& app, char** argv)) {
  try {
    return parse_and_run(argc, argv, add_commands);
  } catch (const OutputClosed&) {
    return 0;  // the reader has what it wanted
  } catch (const Interrupted& interrupted) {
    return 128 + interrupted.signal;
  } catch (const Error& error) {
    print_error(one_line("orrery: ", error.what()));
    return 2;
  } catch (const std::exception& error) {
    print_error(one_line("orrery: internal error, please report it: ", error.what()));
    return 1;
  }
}

}  // namespace orrery::cli
