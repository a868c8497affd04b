// What a run has written of itself.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "orrery/base/file.h"

namespace orrery::train {

/// metrics.jsonl without the times, which differ.
inline std::vector<nlohmann::json> lines_of(const std::filesystem::path& run) {
  std::vector<nlohmann::json> all;
  std::istringstream lines(read_text(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    all.push_back(nlohmann::json::parse(line));
    EXPECT_GT(all.back().at("step_time"), 0);
    EXPECT_GT(all.back().at("train_tokens_per_second"), 0);
    all.back().erase("step_time"), all.back().erase("train_tokens_per_second");
  }
  return all;
}

}  // namespace orrery::train
