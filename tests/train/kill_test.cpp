// Runs that are killed at any moment, and go on as if nothing had been.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "orrery/base/file.h"
#include "tests/text/tiny_model.h"

namespace orrery::train {
namespace {
namespace fs = std::filesystem;

/// tests/train/resumable_run.cpp in a process of its own.
class Child {
 public:
  Child(const fs::path& folder, const std::string& optim, const std::string& steps) {
    int pipe[2];
    EXPECT_EQ(::pipe(pipe), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, pipe[0]);
    posix_spawn_file_actions_addclose(&actions, pipe[1]);
    const std::string program = ORRERY_BINARY_DIR "/resumable_run";
    char* arguments[] = {const_cast<char*>(program.c_str()), const_cast<char*>(folder.c_str()),
                         const_cast<char*>(optim.c_str()), const_cast<char*>(steps.c_str()), nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ), 0) << program;
    posix_spawn_file_actions_destroy(&actions);
    ::close(pipe[1]);
    output_ = pipe[0];
  }
  ~Child() { ::close(output_); }

  /// Waits until it has begun `count` micro-batches or has ended; then for some more microseconds.
  void watch(int count, int microseconds) const {
    char byte = 0;
    while (count-- > 0 && ::read(output_, &byte, 1) == 1) continue;
    ::usleep(static_cast<useconds_t>(microseconds));
  }
  void kill() const { ::kill(pid_, SIGKILL); }
  /// Its exit code; -1 where it was killed.
  int wait() const {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = 0;
  int output_ = 0;
};

int run_undisturbed(const fs::path& folder, const std::string& optim, const std::string& steps) {
  const Child child(folder, optim, steps);
  child.watch(INT_MAX, 0);
  return child.wait();
}

std::vector<nlohmann::json> lines_of(const fs::path& run) {
  std::vector<nlohmann::json> all;
  std::istringstream lines(read_text(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    all.push_back(nlohmann::json::parse(line));
    all.back().erase("step_time"), all.back().erase("train_tokens_per_second");
  }
  return all;
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
                                         Case{"lion", 3, 20}),
                         [](const auto& test) { return std::string(test.param.optim); });

TEST_P(Killed, ARunGoesOnBitForBit) {
  const auto& [optim, kills, step_count] = GetParam();
  const std::string steps = std::to_string(step_count);
  const text::TempFolder folder;
  const fs::path undisturbed = folder / "undisturbed", disturbed = folder / "disturbed";
  ASSERT_EQ(run_undisturbed(undisturbed, optim, steps), 0);
  std::mt19937 random(7);
  for (int i = 0; i < kills; ++i) {
    const Child child(disturbed, optim, steps);
    // Some of the last bytes are behind the micro-batch that ends a step: then come evaluation, metrics, a checkpoint.
    child.watch(1 + static_cast<int>(random() % 10), static_cast<int>(random() % 8000));
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
