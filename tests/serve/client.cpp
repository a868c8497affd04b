#include "tests/serve/client.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace orrery::serve {

Client::Client(uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

Client::~Client() { close(); }

void Client::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void Client::end_sending() { ::shutdown(socket_, SHUT_WR); }

void Client::reset() {
  const linger now{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close();
}

void Client::set_receive_buffer(int bytes) { ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes); }

bool Client::send(const std::string& bytes) {
  size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<size_t>(n);
  }
  return true;
}

bool Client::receive(Clock::time_point until) {
  pollfd wait{socket_, POLLIN, 0};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
  if (socket_ < 0 || left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
  char bytes[65536];
  const ssize_t n = ::recv(socket_, bytes, sizeof bytes, 0);
  if (n > 0) buffer_.append(bytes, static_cast<size_t>(n));
  return n > 0;
}

std::string Client::read_until(const std::string& text) {
  const auto until = Clock::now() + kPatience;
  for (size_t seen = 0;;) {
    const size_t at = text.empty() ? std::string::npos : buffer_.find(text, seen - std::min(seen, text.size()));
    seen = buffer_.size();
    if (at != std::string::npos) {
      std::string found = buffer_.substr(0, at + text.size());
      buffer_.erase(0, found.size());
      return found;
    }
    if (!receive(until)) return std::exchange(buffer_, {});
  }
}

std::string Client::read_some() {
  if (buffer_.empty()) receive(Clock::now() + kPatience);
  return std::exchange(buffer_, {});
}

bool Client::silent_for(std::chrono::milliseconds time) {
  pollfd wait{socket_, POLLIN, 0};
  return buffer_.empty() && ::poll(&wait, 1, static_cast<int>(time.count())) == 0;
}

std::string Reply::header(const std::string& name) const {
  const size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const size_t start = at + name.size() + 4;
  return head.substr(start, head.find("\r\n", start) - start);
}

std::string joined_chunks(const std::string& body) {
  std::string text;
  for (size_t at = 0; at < body.size();) {
    const size_t size = std::stoul(body.substr(at), nullptr, 16);
    at = body.find("\r\n", at) + 2;
    text += body.substr(at, size);
    at += size + 2;
  }
  return text;
}

Reply ask(uint16_t port, const std::string& method, const std::string& target, const std::string& body,
          const std::string& extra) {
  Client client(port);
  client.send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + extra +
              (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body);
  const std::string all = client.read_all();
  Reply reply;
  const size_t end = std::min(all.find("\r\n\r\n"), all.size());
  reply.head = all.substr(0, end) + "\r\n";
  reply.body = all.substr(std::min(all.size(), end + 4));
  if (all.size() > 12) reply.status = std::atoi(all.c_str() + 9);
  if (reply.header("Transfer-Encoding") == "chunked") reply.body = joined_chunks(reply.body);
  return reply;
}

}  // namespace orrery::serve
