// What holds for every command.
#pragma once

#include <string>
#include <vector>

namespace orrery::cli {

struct Fact {
  std::string name, meaning;
};

std::vector<Fact> exit_codes();
std::vector<Fact> environment_variables();

}  // namespace orrery::cli
