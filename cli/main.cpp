// The `orrery` program: a table of commands. Exit codes: 0 done, 2 the user's input is wrong, 1 our fault.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "orrery/base/error.h"

int main(int argc, char** argv) {
  CLI::App app{"Orrery: AI's year 2023 in one native program"};
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const orrery::Error& error) {
    std::fprintf(stderr, "orrery: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "orrery: internal error: %s\n", error.what());
    return 1;
  }
  if (app.get_subcommands().empty()) std::printf("%s", app.help().c_str());
  return 0;
}
