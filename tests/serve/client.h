// A plain socket to a server at 127.0.0.1, for tests that say exactly what goes over it and when.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/sanitized.h"

namespace orrery::serve {

/// How long to wait for what must happen.
constexpr std::chrono::seconds kPatience(kSanitized ? 300 : 60);

class Client {
 public:
  explicit Client(uint16_t port);
  Client(const Client&) = delete;
  ~Client();

  /// False where the other side is gone.
  bool send(const std::string& bytes);
  /// What comes until `text` has come, or the other side ends, or kPatience is over.
  std::string read_until(const std::string& text);
  /// What comes next; empty where the other side ends, or kPatience is over.
  std::string read_some();
  /// All that comes until the other side ends, or kPatience is over.
  std::string read_all() { return read_until(""); }
  /// Nothing comes for so long, and the connection stays.
  bool silent_for(std::chrono::milliseconds time);
  void close();
  /// Says that nothing more is sent, and still reads.
  void end_sending();
  /// Ends without a word: what is under way is thrown away, and the other side is told so (RST).
  void reset();
  /// Bytes that the system keeps for us unread: a small number makes a slow reader of us.
  void set_receive_buffer(int bytes);

 private:
  using Clock = std::chrono::steady_clock;
  bool receive(Clock::time_point until);  // appends to buffer_
  int socket_ = -1;
  std::string buffer_;
};

struct Reply {
  int status = 0;
  std::string head, body;
  /// A header's value; empty where there is none.
  std::string header(const std::string& name) const;
};

/// One request on a connection of its own. `extra`: further header lines, each with \r\n.
Reply ask(uint16_t port, const std::string& method, const std::string& target, const std::string& body = "",
          const std::string& extra = "");
/// A body in chunks as one text.
std::string joined_chunks(const std::string& body);

}  // namespace orrery::serve
