#include "tests/cli/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <pty.h>

namespace orrery::cli_test {
namespace {

namespace fs = std::filesystem;

constexpr int kPatienceMilliseconds = 60'000;
const std::string kProgram = std::string(ORRERY_BINARY_DIR) + "/orrery";

std::vector<char*> pointers(const Words& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

[[noreturn]] void become(const Words& words, const Words& environment) {
  for (const std::string& variable : environment) ::putenv(const_cast<char*>(variable.c_str()));
  ::execv(words[0].c_str(), pointers(words).data());
  ::_exit(127);
}

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

std::string read_to_end(int descriptor) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = ::read(descriptor, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(got));
  ::close(descriptor);
  return text;
}

void write_and_close(int descriptor, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t written = ::write(descriptor, text.data() + done, text.size() - done);
    if (written <= 0) break;  // it does not read to the end
    done += static_cast<size_t>(written);
  }
  ::close(descriptor);
}

Outcome run(const Words& words, const std::string& input, const Words& environment) {
  int in[2], out[2], err[2];
  if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0)
    throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    become(words, environment);
  }
  for (int descriptor : {in[0], out[1], err[1]}) ::close(descriptor);
  ::signal(SIGPIPE, SIG_IGN);
  Outcome outcome;
  std::thread writer([&] { write_and_close(in[1], input); });
  std::thread reader([&] { outcome.err = read_to_end(err[0]); });
  outcome.out = read_to_end(out[0]);
  writer.join();
  reader.join();
  int status = 0;
  ::waitpid(child, &status, 0);
  outcome.exit_code = code_of(status);
  return outcome;
}

// Colours and cursor movements: ESC [ … letter.
std::string without_escapes(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      plain += text[i];
      continue;
    }
    if (i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && !std::isalpha(static_cast<unsigned char>(text[i]))) ++i;
    }
  }
  return plain;
}

}  // namespace

Outcome orrery(const Words& words, const std::string& input, const Words& environment) {
  Words all = {kProgram};
  all.insert(all.end(), words.begin(), words.end());
  return run(all, input, environment);
}

Outcome shell(const std::string& script) {
  return run({"/bin/bash", "-c", "PATH=" ORRERY_BINARY_DIR ":$PATH\n" + script}, "", {});
}

void expect_refused(const Outcome& outcome, const std::string& said) {
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
  EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
}

std::optional<std::string> shared(const std::string& path) {
  const fs::path full = fs::path(ORRERY_SOURCE_DIR) / ".." / "shared" / path;
  if (!fs::exists(full)) return std::nullopt;
  return full.string();
}

std::optional<std::string> smollm2() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path root =
      cache != nullptr && *cache != '\0' ? fs::path(cache) : fs::path(home != nullptr ? home : "/") / ".cache";
  const fs::path file = root / "orrery/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!fs::exists(file)) return std::nullopt;
  return file.string();
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (fs::temp_directory_path() / "orrery-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code failed;
  fs::remove_all(folder_, failed);
}

std::string TemporaryFolder::file(const std::string& name, const std::string& text) const {
  std::ofstream(folder_ / name, std::ios::binary) << text;
  return path(name);
}

std::vector<std::string> TemporaryFolder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_)) names.push_back(entry.path().filename());
  return names;
}

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

size_t lines(const std::string& text) { return static_cast<size_t>(std::ranges::count(text, '\n')); }

Terminal::Terminal(const Words& words, const Words& environment) {
  winsize size{.ws_row = 24, .ws_col = 80};
  child_ = ::forkpty(&descriptor_, nullptr, nullptr, &size);
  if (child_ < 0) throw std::runtime_error("forkpty");
  if (child_ > 0) return;
  Words all = {kProgram};
  all.insert(all.end(), words.begin(), words.end());
  Words variables = {"TERM=xterm", "LC_ALL=C.UTF-8"};
  variables.insert(variables.end(), environment.begin(), environment.end());
  become(all, variables);
}

Terminal::~Terminal() {
  if (child_ > 0) {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  ::close(descriptor_);
}

void Terminal::type(const std::string& keys) {
  if (::write(descriptor_, keys.data(), keys.size()) != static_cast<ssize_t>(keys.size()))
    throw std::runtime_error("write");
}

bool Terminal::read_more() {
  pollfd ready{.fd = descriptor_, .events = POLLIN};
  if (::poll(&ready, 1, kPatienceMilliseconds) <= 0) return false;
  char buffer[4096];
  const ssize_t got = ::read(descriptor_, buffer, sizeof buffer);
  if (got <= 0) return false;  // EIO: the program has ended
  raw_.append(buffer, static_cast<size_t>(got));
  unread_ = without_escapes(raw_);
  return true;
}

bool Terminal::wait_for(const std::string& text) {
  for (;;) {
    if (const size_t at = unread_.find(text); at != unread_.npos) {
      unread_ = raw_ = unread_.substr(at + text.size());
      return true;
    }
    if (!read_more()) return false;
  }
}

std::optional<int> Terminal::wait_for_end() {
  while (read_more()) {
  }
  for (int tries = 0; tries < 600; ++tries) {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) == child_) {
      child_ = -1;
      return code_of(status);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return std::nullopt;
}

}  // namespace orrery::cli_test
