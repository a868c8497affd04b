// Starts a connection on an accepted socket.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include "orrery/serve/http/connection_set.h"
#include "orrery/serve/http/server.h"

namespace orrery::serve {

/// The connection lives until it ends; what is referred to outlives it.
void connect(boost::asio::ip::tcp::socket socket, ConnectionSet& set, const HttpOptions& options,
             const HttpHandlers& handlers);
void connect_tls(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& tls, ConnectionSet& set,
                 const HttpOptions& options, const HttpHandlers& handlers);

std::string address_of(const boost::asio::ip::tcp::socket& socket);

}  // namespace orrery::serve
