#include "tests/train/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>

namespace orrery::train {

namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

Child::Child(std::vector<std::string> command, const std::vector<std::string>& variables, const std::string& errors) {
  std::vector<std::string> all = variables;
  for (char** variable = environ; *variable != nullptr; ++variable) all.emplace_back(*variable);
  int pipe[2];
  EXPECT_EQ(::pipe2(pipe, O_CLOEXEC), 0);  // else a later child would hold an earlier one's open
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  if (!errors.empty())
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  EXPECT_EQ(::posix_spawn(&pid_, command[0].c_str(), &actions, nullptr, pointers(command).data(), pointers(all).data()),
            0)
      << command[0];
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  output_ = pipe[0];
}

Child::~Child() {
  if (pid_ > 0) kill(), wait();
  ::close(output_);
}

void Child::watch(int count, int microseconds) {
  char byte = 0;
  while (count-- > 0 && ::read(output_, &byte, 1) == 1) continue;
  ::usleep(static_cast<useconds_t>(microseconds));
}

void Child::kill() { ::kill(pid_, SIGKILL); }

int Child::wait() {
  watch(INT_MAX, 0);
  int status = 0;
  EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace orrery::train
