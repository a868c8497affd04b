// The real program, run as its users run it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace orrery::cli_test {

struct Outcome {
  int exit_code = -1;  ///< -signal where a signal ended it
  std::string out, err;
};

using Words = std::vector<std::string>;

/// Runs `orrery words…` to its end with `input` on standard input. environment: "NAME=value", on top of this process's
/// own.
Outcome orrery(const Words& words, const std::string& input = "", const Words& environment = {});

/// `bash -c script` with the program's folder first in PATH: pipes, closed streams.
Outcome shell(const std::string& script);

/// Nothing but a line on standard error that contains `said`, and the exit code of a mistake.
void expect_refused(const Outcome& outcome, const std::string& said);

inline const std::string kFixtures = std::string(ORRERY_SOURCE_DIR) + "/tests/fixtures", kFuyu = kFixtures + "/fuyu",
                         kScene = kFixtures + "/golden/scene/ply/scene.ply";

/// A file or folder of ../shared; nullopt where it is missing.
std::optional<std::string> shared(const std::string& path);
/// The default model, where set-up has fetched it.
std::optional<std::string> smollm2();

/// An empty folder that goes away.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  std::string file(const std::string& name, const std::string& text) const;  ///< writes it, returns its path
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::vector<std::string> names() const;  ///< what is in it

 private:
  std::filesystem::path folder_;
};

std::string read_file(const std::string& path);
size_t lines(const std::string& text);

/// The program on a terminal of its own (80 × 24), to be typed at.
class Terminal {
 public:
  explicit Terminal(const Words& words, const Words& environment = {});
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();

  void type(const std::string& keys);
  /// Waits until the text has come since the last success of wait_for; false when the program ends first, or after 60
  /// s.
  bool wait_for(const std::string& text);
  /// Waits for the end; the exit code, -signal, or nullopt after 60 s.
  std::optional<int> wait_for_end();
  /// All that came since the last success of wait_for, escape sequences left out.
  const std::string& unread() const { return unread_; }

 private:
  bool read_more();  // waits up to 60 s
  int descriptor_ = -1;
  pid_t child_ = -1;
  std::string raw_, unread_;
};

}  // namespace orrery::cli_test

#define ORRERY_NEEDS(variable, value, reason) \
  const auto variable = value;                \
  if (!variable) GTEST_SKIP() << reason
#define NEEDS_SMOLLM2 ORRERY_NEEDS(model, smollm2(), "the default model is missing: setup/fetch.sh smollm2")
