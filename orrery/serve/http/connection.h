// A connection: requests one after the other, each with its answer. Included only by connect.cpp and connect_tls.cpp.
#pragma once

#include <poll.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <memory>
#include <optional>

#include "orrery/serve/http/connection_set.h"
#include "orrery/serve/http/server.h"

namespace orrery::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

/// All of it runs in the one thread of the io_context, so nothing is locked.
template <class Stream>
class Connection : public ConnectionBase, public std::enable_shared_from_this<Connection<Stream>> {
 public:
  Connection(Stream stream, ConnectionSet& set, const HttpOptions& options, const HttpHandlers& handlers)
      : stream_(std::move(stream)), set_(set), options_(options), handlers_(handlers), wake_(stream_.get_executor()) {}

  asio::awaitable<void> serve(std::string peer, bool secure) {
    auto self = this->shared_from_this();
    set_.add(this);
    for (bool go_on = true; go_on;) {
      std::optional<Request> request = co_await read_request();
      if (!request) break;
      request->peer = peer;
      request->secure = secure;
      go_on = co_await answer(std::move(*request)) && !set_.draining() && co_await next_arrived();
    }
    co_await farewell();
    set_.remove(this);
  }

  // ConnectionBase
  void close() override { beast::get_lowest_layer(stream_).close(); }
  bool idle() const override { return exchange_ == nullptr; }

 private:
  using Parser = http::request_parser<http::string_body>;

  // Nothing where the connection is over, or the request was refused, which is answered then.
  asio::awaitable<std::optional<Request>> read_request() {
    Parser parser;
    parser.header_limit(static_cast<uint32_t>(options_.header_bytes));
    parser.body_limit(options_.body_bytes);
    auto& socket = beast::get_lowest_layer(stream_);
    socket.expires_after(options_.header_time);
    {
      auto [error, bytes] = co_await http::async_read_header(stream_, buffer_, parser, kTuple);
      if (error) {
        co_await refuse(error, parser);
        co_return std::nullopt;
      }
    }
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> proceed(http::status::continue_, parser.get().version());
      socket.expires_after(options_.write_time);
      auto [error, bytes] = co_await http::async_write(stream_, proceed, kTuple);
      if (error) co_return std::nullopt;
    }
    socket.expires_after(options_.body_time);
    auto [error, bytes] = co_await http::async_read(stream_, buffer_, parser, kTuple);
    if (error) {
      co_await refuse(error, parser);
      co_return std::nullopt;
    }
    version_ = parser.get().version();
    keep_ = parser.get().keep_alive();
    co_return plain(parser.release());
  }

  static Request plain(http::request<http::string_body> from) {
    Request request{.method = std::string(from.method_string()), .body = std::move(from.body())};
    const std::string_view target(from.target().data(), from.target().size());
    const size_t mark = std::min(target.find('?'), target.size());
    request.path = percent_decoded(target.substr(0, mark), false).value_or("");
    request.query = std::string(target.substr(std::min(target.size(), mark + 1)));
    for (const auto& field : from) {
      std::string name(field.name_string());
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    return request;
  }

  asio::awaitable<void> refuse(beast::error_code error, const Parser& parser) {
    int status = 0;
    std::string message;
    if (error == http::error::body_limit) {
      status = 413;
      message = "the body is longer than " + std::to_string(options_.body_bytes) + " bytes";
    } else if (error == http::error::header_limit) {
      status = 431;
      message = "the header is longer than " + std::to_string(options_.header_bytes) + " bytes";
    } else if (error == beast::error::timeout && (parser.is_header_done() || buffer_.size() > 0)) {
      status = 408;
      message = "the request did not arrive in time";
    } else if (error.category() == http::make_error_code(http::error::bad_target).category() &&
               error != http::error::end_of_stream && error != http::error::partial_message) {
      status = 400;
      message = "no HTTP request: " + error.message();
    } else {
      co_return;
    }
    Response refusal = handlers_.refuse(status, message);
    version_ = 11;
    keep_ = false;
    if (status != 408)
      co_await write_whole(refusal, false);
    else
      close();  // the stream's timeout has closed it already
  }

  // Hands the request on and sends what comes back. True where the connection can go on.
  asio::awaitable<bool> answer(Request request) {
    const bool head = request.method == "HEAD";
    auto weak = this->weak_from_this();
    auto executor = stream_.get_executor();
    exchange_ = std::make_shared<Exchange>(
        std::move(request), [executor](std::function<void()> task) { asio::post(executor, std::move(task)); },
        [weak] {
          if (auto self = weak.lock()) self->wake_.cancel();
        });
    beast::get_lowest_layer(stream_).expires_never();  // of the read below; writes set their own
    asio::co_spawn(executor, watch(this->shared_from_this()), asio::detached);
    handlers_.handle(exchange_);
    while (exchange_->state() == Exchange::State::kOpen && !exchange_->gone()) co_await sleep(std::nullopt);
    bool fine = !exchange_->gone();
    if (fine && exchange_->state() == Exchange::State::kWhole) {
      exchange_->record.bytes = exchange_->response().body.size();
      fine = co_await write_whole(exchange_->response(), head);
    } else if (fine) {
      fine = co_await write_pieces(head);
    }
    if (!fine) {
      exchange_->set_gone();
      close();
    }
    exchange_->close();
    handlers_.finished(*exchange_);
    exchange_.reset();
    co_return fine&& keep_;
  }

  // Sees the client go while an answer is made. Where the next request is here already, nothing more is read before its
  // turn, and the socket is asked instead, every second.
  static asio::awaitable<void> watch(std::shared_ptr<Connection> self) {
    if (self->buffer_.size() == 0) {
      self->watching_ = true;
      auto [error, bytes] = co_await self->stream_.async_read_some(self->buffer_.prepare(4096), kTuple);
      self->watching_ = false;
      self->ended_ = static_cast<bool>(error);
      if (!error) self->buffer_.commit(bytes);
      if (error && self->exchange_) self->exchange_->set_gone();
      self->wake_.cancel();
    }
    if (std::exchange(self->asking_, true)) co_return;
    asio::steady_timer pause(self->stream_.get_executor());
    while (self->exchange_ && !self->exchange_->gone()) {
      pause.expires_after(std::chrono::seconds(1));
      co_await pause.async_wait(kTuple);
      pollfd state{beast::get_lowest_layer(self->stream_).socket().native_handle(), POLLRDHUP, 0};
      if (!self->exchange_ || self->watching_ || ::poll(&state, 1, 0) == 0) continue;
      self->exchange_->set_gone();
      self->wake_.cancel();
    }
    self->asking_ = false;
  }

  // Waits for the first bytes of the next request.
  asio::awaitable<bool> next_arrived() {
    const auto until = std::chrono::steady_clock::now() + options_.idle_time;
    while (watching_ && !set_.draining()) {
      if (std::chrono::steady_clock::now() >= until) close();
      co_await sleep(until);
    }
    co_return !ended_ && !watching_;
  }

  // Until something changes.
  asio::awaitable<bool> sleep(std::optional<std::chrono::steady_clock::time_point> until) {
    wake_.expires_at(until.value_or(std::chrono::steady_clock::time_point::max()));
    auto [error] = co_await wake_.async_wait(kTuple);
    co_return !error;  // the time is over
  }

  http::response_header<> header(const Response& response) const {
    http::response_header<> fields;
    fields.version(11);
    fields.result(static_cast<unsigned>(response.status));
    if (!response.content_type.empty()) fields.set(http::field::content_type, response.content_type);
    for (const auto& [name, value] : response.headers) fields.insert(name, value);
    if (exchange_)
      for (const auto& [name, value] : exchange_->headers()) fields.insert(name, value);
    return fields;
  }

  asio::awaitable<bool> write_whole(Response& response, bool head) {
    http::response<http::string_body> message(header(response));
    message.body() = std::move(response.body);
    message.keep_alive(keep_);
    if (response.status != 204 && response.status != 304) message.prepare_payload();
    beast::get_lowest_layer(stream_).expires_after(options_.write_time);
    if (head) {
      http::response_serializer<http::string_body> serializer(message);
      auto [error, bytes] = co_await http::async_write_header(stream_, serializer, kTuple);
      co_return !error;
    }
    auto [error, bytes] = co_await http::async_write(stream_, message, kTuple);
    co_return !error;
  }

  asio::awaitable<bool> write_pieces(bool head) {
    http::response<http::empty_body> message(header(exchange_->response()));
    const bool chunked = version_ >= 11;
    keep_ = keep_ && chunked;
    message.keep_alive(keep_);
    message.chunked(chunked);
    http::response_serializer<http::empty_body> serializer(message);
    beast::get_lowest_layer(stream_).expires_after(options_.write_time);
    {
      auto [error, bytes] = co_await http::async_write_header(stream_, serializer, kTuple);
      if (error) co_return false;
    }
    for (;;) {
      if (exchange_->gone()) co_return false;
      std::string piece = exchange_->take_pieces();
      if (piece.empty() && exchange_->state() == Exchange::State::kEnded) break;
      if (piece.empty() && co_await sleep(std::chrono::steady_clock::now() + options_.keep_alive_time))
        piece = exchange_->keep_alive();
      if (piece.empty()) continue;
      if (!head && !co_await write_piece(piece, chunked)) co_return false;
      exchange_->sent();
    }
    if (!chunked || head) co_return true;
    auto [error, bytes] = co_await asio::async_write(stream_, http::make_chunk_last(), kTuple);
    co_return !error;
  }

  asio::awaitable<bool> write_piece(const std::string& piece, bool chunked) {
    beast::get_lowest_layer(stream_).expires_after(options_.write_time);
    if (chunked) {
      auto [error, bytes] = co_await asio::async_write(stream_, http::make_chunk(asio::buffer(piece)), kTuple);
      co_return !error;
    }
    auto [error, bytes] = co_await asio::async_write(stream_, asio::buffer(piece), kTuple);
    co_return !error;
  }

  // Says that nothing more comes, and reads a little, so that a client that is still sending gets to see the answer.
  asio::awaitable<void> farewell() {
    auto& socket = beast::get_lowest_layer(stream_);
    beast::error_code ignored;
    if (!watching_ && socket.socket().is_open()) {
      socket.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
      socket.expires_after(std::chrono::seconds(2));
      for (size_t read = 0; read < (8 << 20);) {
        buffer_.clear();
        auto [error, bytes] = co_await socket.async_read_some(buffer_.prepare(64 << 10), kTuple);
        if (error) break;
        read += bytes;
      }
    }
    socket.close();
  }

  Stream stream_;
  ConnectionSet& set_;
  const HttpOptions& options_;
  const HttpHandlers& handlers_;
  beast::flat_buffer buffer_;
  asio::steady_timer wake_;
  std::shared_ptr<Exchange> exchange_;
  unsigned version_ = 11;
  bool keep_ = true, watching_ = false, asking_ = false, ended_ = false;
};

}  // namespace orrery::serve
