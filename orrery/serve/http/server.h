// The HTTP/1.1 server: connections as coroutines, limits, TLS, graceful end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "orrery/serve/http/exchange.h"

namespace orrery::serve {

struct HttpOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 8080;                  ///< 0: a free one
  int connections = 4096;                ///< at once; more are answered 503 and closed
  size_t header_bytes = 32 << 10;        ///< a longer header is answered 431
  size_t body_bytes = 64 << 20;          ///< a longer body is answered 413
  std::chrono::seconds header_time{10};  ///< for a header to arrive in full
  std::chrono::seconds body_time{60};    ///< for a body to arrive in full
  std::chrono::seconds idle_time{75};    ///< between two requests of a connection
  std::chrono::seconds write_time{60};   ///< for a client to take what was sent
  std::chrono::seconds keep_alive_time{
      10};                               ///< between two pieces of an answer, before Exchange::set_keep_alive's is sent
  std::string certificate, private_key;  ///< PEM files; both or none
};

/// Requests that never reach a handler (malformed, too large, too many) are answered by `refuse`, which makes the body.
struct HttpHandlers {
  std::function<void(const std::shared_ptr<Exchange>&)> handle;
  std::function<Response(int status, const std::string& message)> refuse;
  std::function<void(const Exchange&)> finished;  ///< each exchange, when it is over
};

class HttpServer {
 public:
  /// Binds at once. Throws Error for an address that cannot be had, and for certificates that do not work.
  HttpServer(const HttpOptions& options, HttpHandlers handlers);
  ~HttpServer();

  uint16_t port() const;
  int open_connections() const;
  /// Serves until drain() has let the last exchange end, or stop(); `on_signal` gets SIGTERM, SIGINT and SIGHUP
  /// meanwhile, where it is given. `ready` is called first, when signals arrive there already.
  void run(const std::function<void(int)>& on_signal = {}, const std::function<void()>& ready = {});
  /// From any thread: idle connections are closed, running exchanges end, and new ones still reach the handler, which
  /// may refuse them. run() returns when none is left, at the latest after `patience`.
  void drain(std::chrono::seconds patience);
  void stop();
  /// In the server's thread: other limits, for what comes from now on.
  void limit(int connections, size_t body_bytes);
  /// From any thread: runs `task` in the server's.
  void post(std::function<void()> task);
  /// After run(): runs what has been posted since.
  void settle();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace orrery::serve
