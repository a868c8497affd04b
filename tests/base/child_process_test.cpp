#include "orrery/base/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>

#include "orrery/base/error.h"

namespace orrery {
namespace {

using End = ChildOutcome::End;

ChildOutcome shell(const std::string& script, const ChildLimits& limits = {}) {
  return run_child({"/bin/sh", "-c", script}, limits);
}

// Gone, or a zombie that nobody has reaped yet.
bool is_running(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string stat;
  std::getline(file, stat);
  const size_t state = stat.rfind(") ");
  return state != std::string::npos && stat[state + 2] != 'Z';
}

TEST(ChildProcess, GivesOutputErrorsAndExitCode) {
  const ChildOutcome outcome = shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(outcome.end, End::kExited);
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.output, "out\n");
  EXPECT_EQ(outcome.errors, "err\n");
}

TEST(ChildProcess, ArgumentsArriveAsTheyAre) {
  const auto printf = find_program("printf");
  ASSERT_TRUE(printf);
  const std::string awkward = "$(echo no) 'quoted' \"\n;|";
  EXPECT_EQ(run_child({printf->string(), "%s", awkward}, {}).output, awkward);
}

TEST(ChildProcess, EndsAtTheLimitOfProcessorTime) {
  EXPECT_EQ(shell("while :; do :; done", {.cpu_seconds = 1, .wall_seconds = 600}).end, End::kCpuLimit);
}

TEST(ChildProcess, EndsWithAllThatItStarted) {
  const ChildOutcome outcome =
      shell("sleep 1000 & while :; do echo $!; done", {.wall_seconds = 600, .output_bytes = 10'000});
  EXPECT_EQ(outcome.end, End::kOutputLimit);
  const std::string grandchild = outcome.output.substr(0, outcome.output.find('\n'));
  ASSERT_FALSE(grandchild.empty());
  for (int i = 0; i < 500 && is_running(grandchild); ++i) ::usleep(10'000);  // SIGKILL is on its way
  EXPECT_FALSE(is_running(grandchild));
}

TEST(ChildProcess, EndsAtTheLimitOfTimeWhenItHasClosedItsStreams) {
  EXPECT_EQ(shell("exec >&- 2>&-; sleep 1000", {.wall_seconds = 1}).end, End::kWallLimit);
}

TEST(ChildProcess, WhatItLeavesBehindIsKilled) {
  const ChildOutcome outcome = shell("sleep 1000 >/dev/null 2>&1 & echo $!");
  EXPECT_EQ(outcome.end, End::kExited);
  const std::string left = outcome.output.substr(0, outcome.output.find('\n'));
  for (int i = 0; i < 500 && is_running(left); ++i) ::usleep(10'000);
  EXPECT_FALSE(is_running(left));
}

TEST(ChildProcess, EndsAtTheLimitOfOutput) {
  const ChildOutcome outcome = shell("while :; do echo 0123456789; done", {.output_bytes = 100'000});
  EXPECT_EQ(outcome.end, End::kOutputLimit);
  EXPECT_EQ(outcome.output.size(), 100'000u);
}

TEST(ChildProcess, CannotTakeMoreMemoryThanAllowed) {
  const std::string one_block = "dd if=/dev/zero of=/dev/null bs=100M count=1";
  EXPECT_EQ(shell(one_block).code, 0);
  EXPECT_NE(shell(one_block, {.memory_bytes = 64 << 20}).code, 0);
}

TEST(ChildProcess, SeesNoOpenFilesNoEnvironmentAndNoInput) {
  const int open_file = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  ::setenv("ORRERY_TEST_SECRET", "1", 1);
  EXPECT_EQ(shell("ls /proc/self/fd").output, "0\n1\n2\n3\n");  // 3: the folder itself
  EXPECT_EQ(shell("echo $ORRERY_TEST_SECRET; cat").output, "\n");
  ::close(open_file);
  ::unsetenv("ORRERY_TEST_SECRET");
}

TEST(ChildProcess, WritesNoFiles) {
  std::string name = (std::filesystem::temp_directory_path() / "orrery-child-XXXXXX").string();
  ::close(::mkstemp(name.data()));
  shell("echo text > " + name);
  EXPECT_EQ(std::filesystem::file_size(name), 0u);
  std::filesystem::remove(name);
}

TEST(ChildProcess, SignalsAreReported) {
  const ChildOutcome outcome = shell("kill -SEGV $$");
  EXPECT_EQ(outcome.end, End::kSignalled);
  EXPECT_EQ(outcome.code, SIGSEGV);
}

TEST(ChildProcess, AProgramThatIsNotThereIsNamed) {
  EXPECT_FALSE(find_program("no-such-program-anywhere"));
  try {
    run_child({"/no/such/program"}, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("/no/such/program"), std::string::npos);
  }
}

TEST(ChildProcess, WhoListensHearsBothStreamsAsTheyCome) {
  std::string heard;
  const ChildOutcome outcome =
      run_child({"/bin/sh", "-c", "echo out; echo $NAME >&2"}, {},
                {.environment = {"NAME=value"}, .heard = [&](std::string_view text) { heard += text; }});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.output + outcome.errors, "");
  EXPECT_NE(heard.find("out\n"), std::string::npos) << heard;
  EXPECT_NE(heard.find("value\n"), std::string::npos) << heard;
  const ChildOutcome talker = run_child({"/bin/sh", "-c", "while :; do echo y; done"}, {.output_bytes = 1000},
                                        {.heard = [&](std::string_view text) { heard += text; }});
  EXPECT_EQ(talker.end, End::kOutputLimit);
}

TEST(ChildProcess, WritesFilesOnlyWhereItMay) {
  const std::string path = testing::TempDir() + "orrery_child_" + std::to_string(::getpid());
  const std::string script = "trap '' XFSZ; echo text > " + path;
  EXPECT_NE(shell(script).code, 0);
  EXPECT_EQ(shell(script, {.file_bytes = 1000}).code, 0);
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "text");
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace orrery
