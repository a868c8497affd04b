// The whole server in this process, on a small model of random weights: for tests that need answers, and not sensible
// ones.
#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include "orrery/serve/app.h"
#include "tests/text/tiny_model.h"

namespace orrery::serve {

/// Writes a llama with 256 tokens for bytes, ChatML's marks and those that fill gaps: 64 wide, 2 layers, float32.
void write_chat_model(const std::filesystem::path& folder);

/// Serves from the constructor's end until the destructor, which drains. At most one at a time: it is ended by SIGTERM.
class Served {
 public:
  /// `options.models` is one, whose engine's options count; port, model and database are filled in.
  explicit Served(ServeOptions options = {});
  ~Served();
  Served(const Served&) = delete;

  uint16_t port() const { return port_; }
  /// A metric's value, by the beginning of its line; -1 where it is not there.
  double metric(const std::string& line) const;
  /// Requests in the engine, and those that wait before it.
  int64_t running() const { return static_cast<int64_t>(metric("vllm:num_requests_running")); }
  int64_t waiting() const { return static_cast<int64_t>(metric("vllm:num_requests_waiting")); }

 private:
  text::TempFolder folder_;
  uint16_t port_ = 0;
  std::thread thread_;
};

/// Waits for what must happen, kPatience at most.
bool wait_until(const std::function<bool()>& is);

/// Bytes of this process that are in memory.
int64_t resident_bytes();

}  // namespace orrery::serve
