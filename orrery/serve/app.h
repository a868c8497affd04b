// The whole server: HTTP, the APIs, signals.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "orrery/serve/http/server.h"
#include "orrery/serve/models/shelf.h"
#include "orrery/serve/security/gate.h"

namespace orrery::serve {

struct ServeOptions {
  HttpOptions http;
  GateOptions gate;
  std::vector<ModelEntry> models;
  int64_t memory_bytes = 0;              ///< for weights and caches; 0: no limit
  int64_t queue = 1024;                  ///< requests that may wait per model; more are answered 429
  std::chrono::seconds drain_time{600};  ///< for running answers to end after SIGTERM
  bool studio = true;
  std::string database;  ///< of the studio, as Store takes it; empty: the default
  std::string version;
  bool log_requests = true;  ///< a line of JSON per request on standard error
};

/// Serves until SIGTERM or SIGINT, lets running answers end, returns. `read` gives the options at the start, and again
/// on each SIGHUP: then they count all or, where it throws Error or keys or models cannot be read, not at all, and the
/// log says which of them only count after a restart (address, certificate, the studio and its database). `ready` is
/// called once requests are accepted. Throws Error for what cannot be had: addresses, certificates, models.
void serve(const std::function<ServeOptions()>& read,
           const std::function<void(const std::string& address, uint16_t port)>& ready);

}  // namespace orrery::serve
