// The open connections of a server, all in the thread of its io_context.
#pragma once

#include <algorithm>
#include <unordered_set>
#include <vector>

namespace orrery::serve {

class ConnectionBase {
 public:
  virtual ~ConnectionBase() = default;
  virtual void close() = 0;
  virtual bool idle() const = 0;
};

class ConnectionSet {
 public:
  void add(ConnectionBase* connection) { open_.insert(connection); }
  void remove(ConnectionBase* connection) { open_.erase(connection); }
  size_t size() const { return open_.size(); }
  /// Those with a request in hand.
  size_t busy() const {
    return static_cast<size_t>(
        std::count_if(open_.begin(), open_.end(), [](const ConnectionBase* one) { return !one->idle(); }));
  }
  bool draining() const { return draining_; }
  /// Connections end after their present exchange, or their first; those without one end now.
  void drain() {
    draining_ = true;
    for (ConnectionBase* connection : std::vector(open_.begin(), open_.end()))
      if (connection->idle()) connection->close();
  }
  void close_all() {
    draining_ = true;
    for (ConnectionBase* connection : std::vector(open_.begin(), open_.end())) connection->close();
  }

 private:
  std::unordered_set<ConnectionBase*> open_;
  bool draining_ = false;
};

}  // namespace orrery::serve
