// One request and the answer to it, whole or piece by piece, seen from the handlers' side.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "orrery/serve/http/message.h"

namespace orrery::serve {

/// Handlers get one, answer it at once or keep it and answer later. Everything but post() and gone() is called from the
/// connection's thread of execution: in the handler, in what was posted, and in the callbacks.
///
///   whole:      respond({.body = …})
///   in pieces:  begin("text/event-stream"); write(…); write(…); end();
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  using Clock = std::chrono::steady_clock;
  using Post = std::function<void(std::function<void()>)>;

  Exchange(Request request, Post post, std::function<void()> wake);

  const Request& request() const { return request_; }
  /// Frees the body, which is parsed by then: an answer may take minutes.
  std::string take_body() { return std::move(request_.body); }

  void respond(Response response);
  void begin(std::string content_type, Headers headers = {});
  void write(std::string_view piece);
  void end();
  /// What is sent while nothing else is, every few seconds, so that nobody on the way gives the connection up.
  /// Of the answer, whatever it is.
  void add_headers(const Headers& headers) { headers_.insert(headers_.end(), headers.begin(), headers.end()); }
  void set_keep_alive(std::string piece) { keep_alive_ = std::move(piece); }

  bool answered() const { return state_ != State::kOpen; }
  /// Bytes written and not yet taken by the client.
  size_t unsent() const { return pieces_.size() + in_flight_; }
  /// The client went away. From any thread.
  bool gone() const { return gone_.load(std::memory_order_relaxed); }
  /// Called once, when the client goes away before the end.
  void on_gone(std::function<void()> callback) { on_gone_ = std::move(callback); }
  /// Called whenever unsent() has become 0.
  void on_drained(std::function<void()> callback) { on_drained_ = std::move(callback); }
  /// Called once, when all is sent or the client is gone.
  void on_closed(std::function<void()> callback) { on_closed_ = std::move(callback); }

  /// Runs `task` later in the connection's thread of execution. From any thread.
  void post(std::function<void()> task) const { post_(std::move(task)); }

  // What the access log tells.
  struct Record {
    std::string id;     ///< of the request, also in the header x-request-id
    std::string route;  ///< "POST /v1/chat/completions"
    std::string key;    ///< name of the API key
    std::string model;
    int status = 0;
    uint64_t bytes = 0;
    int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
    Clock::time_point arrived = Clock::now();
  } record;

  // The connection's side.
  enum class State { kOpen, kWhole, kStreaming, kEnded };
  State state() const { return state_; }
  Response& response() { return response_; }
  /// The pieces so far; they count as unsent until sent() is called.
  std::string take_pieces();
  void sent();
  const Headers& headers() const { return headers_; }
  const std::string& keep_alive() const { return keep_alive_; }
  void set_gone();
  void close();

 private:
  Request request_;
  Post post_;
  std::function<void()> wake_;
  State state_ = State::kOpen;
  Response response_;
  Headers headers_;
  std::string pieces_, keep_alive_;
  size_t in_flight_ = 0;
  std::atomic<bool> gone_{false};
  bool closed_ = false;
  std::function<void()> on_gone_, on_drained_, on_closed_;
};

}  // namespace orrery::serve
