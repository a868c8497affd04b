// Runs that are killed at any moment, and go on as if nothing had been.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "orrery/base/file.h"
#include "tests/text/tiny_model.h"
#include "tests/train/child.h"
#include "tests/train/metrics_lines.h"

namespace orrery::train {
namespace {
namespace fs = std::filesystem;

int run_undisturbed(const fs::path& folder, const std::string& optim, const std::string& steps) {
  return Child({kResumableRun, folder, optim, steps}).wait();
}

/// Every checkpoint's every file.
std::map<std::string, std::string> checkpoints_of(const fs::path& run) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(run))
    if (entry.is_regular_file() && entry.path().parent_path() != run)
      files[fs::relative(entry.path(), run).string()] = read_text(entry.path());
  return files;
}

struct Case {
  const char* optim;
  int kills, steps;  // no more than 5 steps go by between two kills
};
class Killed : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Loop, Killed,
                         testing::Values(Case{"adamw", 20, 120}, Case{"adamw_8bit", 3, 20}, Case{"adafactor", 3, 20},
                                         Case{"lion", 3, 20}, Case{"paged_adamw", 3, 20}),
                         [](const auto& test) { return std::string(test.param.optim); });

TEST_P(Killed, ARunGoesOnBitForBit) {
  const auto& [optim, kills, step_count] = GetParam();
  const std::string steps = std::to_string(step_count);
  const text::TempFolder folder;
  const fs::path undisturbed = folder / "undisturbed", disturbed = folder / "disturbed";
  ASSERT_EQ(run_undisturbed(undisturbed, optim, steps), 0);
  std::mt19937 random(7);
  for (int i = 0; i < kills; ++i) {
    Child child({kResumableRun, disturbed, optim, steps});
    // Some of the last bytes are behind the micro-batch that ends a step: then come evaluation, metrics, a checkpoint.
    child.watch(1 + static_cast<int>(random() % 20), static_cast<int>(random() % 8000));
    child.kill();
    ASSERT_EQ(child.wait(), -1) << "kill " << i << " came behind the end";
  }
  ASSERT_EQ(run_undisturbed(disturbed, optim, steps), 0);
  EXPECT_EQ(checkpoints_of(undisturbed), checkpoints_of(disturbed));
  const auto lines = lines_of(disturbed);
  EXPECT_EQ(lines_of(undisturbed), lines);
  ASSERT_EQ(lines.size(), static_cast<size_t>(step_count));
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i].at("step"), i + 1);
  EXPECT_TRUE(fs::exists(disturbed / "report.html"));
}

}  // namespace
}  // namespace orrery::train
