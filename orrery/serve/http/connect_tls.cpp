#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/ssl.hpp>

#include "orrery/serve/http/connect.h"
#include "orrery/serve/http/connection.h"

namespace orrery::serve {
namespace {

using TlsStream = beast::ssl_stream<beast::tcp_stream>;

asio::awaitable<void> shake_hands(asio::ip::tcp::socket socket, asio::ssl::context& tls, ConnectionSet& set,
                                  const HttpOptions& options, const HttpHandlers& handlers) {
  const std::string peer = address_of(socket);
  TlsStream stream(beast::tcp_stream(std::move(socket)), tls);
  beast::get_lowest_layer(stream).expires_after(options.header_time);
  auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kTuple);
  if (error) co_return;
  co_await std::make_shared<Connection<TlsStream>>(std::move(stream), set, options, handlers)->serve(peer, true);
}

}  // namespace

void connect_tls(asio::ip::tcp::socket socket, asio::ssl::context& tls, ConnectionSet& set, const HttpOptions& options,
                 const HttpHandlers& handlers) {
  const auto executor = socket.get_executor();
  asio::co_spawn(executor, shake_hands(std::move(socket), tls, set, options, handlers), asio::detached);
}

}  // namespace orrery::serve
