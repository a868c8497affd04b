#include "orrery/serve/http/server.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "orrery/base/error.h"
#include "orrery/serve/http/connect.h"

namespace orrery::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// As many files as the system lets us open: a connection is one.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

tcp::acceptor listen(asio::io_context& context, const HttpOptions& options) {
  const auto refuse = [&](const std::string& found, const std::string& advice) {
    throw Error({.doing = "serve HTTP",
                 .where = fmt::format("address {}, port {}", options.address, options.port),
                 .found = found,
                 .advice = advice});
  };
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) refuse("no IP address", "give one, such as 127.0.0.1 or ::1");
  const tcp::endpoint endpoint(address, options.port);
  tcp::acceptor acceptor(context);
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) refuse(error.message(), error == asio::error::address_in_use ? "choose another port: --port 8081" : "");
  return acceptor;
}

std::optional<asio::ssl::context> tls_of(const HttpOptions& options) {
  if (options.certificate.empty() && options.private_key.empty()) return std::nullopt;
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                  asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
  const auto load = [](const std::string& file, const char* what, auto use) {
    boost::system::error_code error;
    use(error);
    if (error) throw Error({.doing = "serve TLS", .where = file, .found = error.message(), .expected = what});
  };
  load(options.certificate, "a certificate chain in PEM form",
       [&](auto& error) { tls.use_certificate_chain_file(options.certificate, error); });
  load(options.private_key, "the certificate's private key in PEM form",
       [&](auto& error) { tls.use_private_key_file(options.private_key, asio::ssl::context::pem, error); });
  return tls;
}

}  // namespace

struct HttpServer::Impl {
  Impl(const HttpOptions& o, HttpHandlers h)
      : options(o), handlers(std::move(h)), tls(tls_of(options)), acceptor(listen(context, options)) {}

  asio::awaitable<void> accept() {
    asio::steady_timer pause(context);
    while (acceptor.is_open()) {
      auto [error, socket] = co_await acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
      if (error == asio::error::operation_aborted || !acceptor.is_open()) co_return;
      if (error) {  // no files left, a client that went at once: the next one may do
        pause.expires_after(std::chrono::milliseconds(50));
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
        continue;
      }
      boost::system::error_code ignored;
      socket.set_option(tcp::no_delay(true), ignored);
      if (set.size() >= static_cast<size_t>(options.connections)) {
        refuse(std::move(socket));
      } else if (tls) {
        connect_tls(std::move(socket), *tls, set, options, handlers);
      } else {
        connect(std::move(socket), set, options, handlers);
      }
    }
  }

  // One try, without waiting: this is the case of too many clients.
  void refuse(tcp::socket socket) {
    if (tls) return;
    const Response response = handlers.refuse(503, fmt::format("{} connections are open already", set.size()));
    const std::string text = fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: {}\r\nRetry-After: 1\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}",
        response.content_type, response.body.size(), response.body);
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(text), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
  }

  asio::awaitable<void> watch_signals(std::unique_ptr<asio::signal_set> signals, std::function<void(int)> on_signal) {
    for (;;) {
      auto [error, signal] = co_await signals->async_wait(asio::as_tuple(asio::use_awaitable));
      if (error) co_return;
      on_signal(signal);
    }
  }

  asio::awaitable<void> end_when_empty(std::chrono::seconds patience) {
    asio::steady_timer timer(context);
    const auto until = std::chrono::steady_clock::now() + patience;
    while (set.busy() > 0 && std::chrono::steady_clock::now() < until) {
      timer.expires_after(std::chrono::milliseconds(20));
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    end();
  }

  void end() {
    acceptor.close();
    set.close_all();
    asio::post(context, [this] { context.stop(); });  // after what close_all() has woken
  }

  HttpOptions options;
  const HttpHandlers handlers;
  asio::io_context context{1};
  std::optional<asio::ssl::context> tls;
  tcp::acceptor acceptor;
  ConnectionSet set;
};

HttpServer::HttpServer(const HttpOptions& options, HttpHandlers handlers)
    : impl_(std::make_unique<Impl>(options, std::move(handlers))) {
  raise_file_limit();
}

HttpServer::~HttpServer() = default;

uint16_t HttpServer::port() const { return impl_->acceptor.local_endpoint().port(); }

int HttpServer::open_connections() const { return static_cast<int>(impl_->set.size()); }

void HttpServer::run(const std::function<void(int)>& on_signal, const std::function<void()>& ready) {
  asio::co_spawn(impl_->context, impl_->accept(), asio::detached);
  if (on_signal) {
    auto signals = std::make_unique<asio::signal_set>(impl_->context, SIGTERM, SIGINT, SIGHUP);
    asio::co_spawn(impl_->context, impl_->watch_signals(std::move(signals), on_signal), asio::detached);
  }
  if (ready) ready();
  impl_->context.run();
}

void HttpServer::drain(std::chrono::seconds patience) {
  asio::post(impl_->context, [impl = impl_.get(), patience] {
    impl->set.drain();
    asio::co_spawn(impl->context, impl->end_when_empty(patience), asio::detached);
  });
}

void HttpServer::stop() {
  asio::post(impl_->context, [impl = impl_.get()] { impl->end(); });
}

void HttpServer::limit(int connections, size_t body_bytes) {
  impl_->options.connections = connections;
  impl_->options.body_bytes = body_bytes;
}

void HttpServer::post(std::function<void()> task) { asio::post(impl_->context, std::move(task)); }

void HttpServer::settle() {
  impl_->context.restart();
  impl_->context.poll();
}

}  // namespace orrery::serve
