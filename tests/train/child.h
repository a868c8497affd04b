// Processes of tests: tests/train/resumable_run.cpp, or what starts it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace orrery::train {

inline const std::string kResumableRun = ORRERY_BINARY_DIR "/resumable_run";

class Child {
 public:
  /// A program's path and its arguments, with more variables in its environment ("RANK=1"); what it says on standard
  /// error goes into a file, where one is named.
  explicit Child(std::vector<std::string> command, const std::vector<std::string>& variables = {},
                 const std::string& errors = "");
  Child(const Child&) = delete;
  ~Child();  ///< kills it where nobody has waited for its end

  /// Waits until it has begun `count` micro-batches more (written as many bytes) or has ended; then for some
  /// microseconds.
  void watch(int count, int microseconds);
  void kill();
  /// Reads what it writes and waits for its end: the exit code; -1 where it was killed.
  int wait();

 private:
  pid_t pid_ = 0;
  int output_ = 0;
};

}  // namespace orrery::train
