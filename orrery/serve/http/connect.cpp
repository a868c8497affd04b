#include "orrery/serve/http/connect.h"

#include "orrery/serve/http/connection.h"

namespace orrery::serve {

std::string address_of(const asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? "" : endpoint.address().to_string();
}

void connect(asio::ip::tcp::socket socket, ConnectionSet& set, const HttpOptions& options,
             const HttpHandlers& handlers) {
  const std::string peer = address_of(socket);
  const auto executor = socket.get_executor();
  auto connection =
      std::make_shared<Connection<beast::tcp_stream>>(beast::tcp_stream(std::move(socket)), set, options, handlers);
  asio::co_spawn(executor, connection->serve(peer, false), asio::detached);
}

}  // namespace orrery::serve
