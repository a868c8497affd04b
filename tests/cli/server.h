// The program serving, for tests that ask it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace orrery::cli_test {

/// What the default model is asked, and what it answers.
constexpr const char *kQuestion = "What is the capital of France?", *kParis = "The capital of France is Paris.";

/// The program, serving at a free port until the end of the test.
class Server {
 public:
  explicit Server(const Words& words);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const { return port_; }
  std::string log() const { return read_file(folder_.path("log")); }
  void tell(int signal);
  /// The exit code, or -signal.
  int stop(int signal);

  nlohmann::json post(const std::string& path, const nlohmann::json& body, int expected = 200);
  nlohmann::json get(const std::string& path);
  /// Requests under way, and those that wait.
  int64_t running();

 private:
  TemporaryFolder folder_;
  pid_t child_ = -1;
  uint16_t port_ = 0;
};

/// The data of a stream's events.
std::vector<std::string> data_of(const std::string& body);
/// What the events of a stream say, one JSON object each, without the end's mark, which must be there.
std::vector<nlohmann::json> events_of(const std::string& body);

bool wait_until(const std::function<bool()>& is);

}  // namespace orrery::cli_test
