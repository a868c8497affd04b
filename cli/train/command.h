// orrery train, as it was typed.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace orrery::cli {

struct TrainCommand {
  std::string method, out, config;
  std::map<std::string, std::vector<std::string>> given;  ///< settings by name (orrery/align/fields.h), as texts
  bool resume = false, quiet = false;
  int show_mask = 0;  ///< > 0: print so many records' tokens and leave
};

}  // namespace orrery::cli
