#include "tests/cli/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/serve/client.h"

namespace orrery::cli_test {

using nlohmann::json;
using serve::ask;
using serve::Reply;

Server::Server(const Words& words) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) return;
  Words all = {ORRERY_BINARY_DIR "/orrery", "serve", "--port", "0", "--threads", "2", "--database",
               folder_.path("studio.db")};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  child_ = ::fork();
  if (child_ == 0) {
    ::dup2(pipe[1], STDOUT_FILENO);
    const int log = ::open(folder_.path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(pipe[1]);
  std::string line;
  for (char c = 0; c != '\n' && ::read(pipe[0], &c, 1) == 1;) line += c;
  ::close(pipe[0]);
  const size_t colon = line.rfind(':');
  if (colon != std::string::npos) port_ = static_cast<uint16_t>(std::atoi(line.c_str() + colon + 1));
}

Server::~Server() { stop(SIGKILL); }

void Server::tell(int signal) { ::kill(child_, signal); }

int Server::stop(int signal) {
  if (child_ < 0) return 0;
  ::kill(child_, signal);
  int status = 0;
  ::waitpid(child_, &status, 0);
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

json Server::post(const std::string& path, const json& body, int expected) {
  const Reply reply = ask(port_, "POST", path, body.dump());
  EXPECT_EQ(reply.status, expected) << reply.body;
  return json::parse(reply.body, nullptr, false);
}

json Server::get(const std::string& path) { return json::parse(ask(port_, "GET", path).body, nullptr, false); }

int64_t Server::running() {
  const std::string text = ask(port_, "GET", "/metrics").body;
  int64_t count = 0;
  for (const char* name : {"num_requests_running{", "num_requests_waiting{"})
    count += std::atoll(text.c_str() + text.find('}', text.find(std::string("\nvllm:") + name)) + 1);
  return count;
}

std::vector<std::string> data_of(const std::string& body) {
  std::vector<std::string> all;
  size_t at = 0;
  while ((at = body.find("data: ", at)) != std::string::npos) {
    all.push_back(body.substr(at + 6, body.find("\n\n", at) - at - 6));
    at += 6;
  }
  return all;
}

std::vector<json> events_of(const std::string& body) {
  std::vector<json> events;
  bool done = false;
  for (const std::string& data : data_of(body)) {
    if (data == "[DONE]")
      done = true;
    else
      events.push_back(json::parse(data));
  }
  EXPECT_TRUE(done) << body;
  return events;
}

bool wait_until(const std::function<bool()>& is) {
  for (int i = 0; i < 6000 && !is(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return is();
}

}  // namespace orrery::cli_test
