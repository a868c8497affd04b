// Which handler a request belongs to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "orrery/serve/http/exchange.h"

namespace orrery::serve {

/// Paths by segments; "{name}" stands for one segment, whatever it is.
class Router {
 public:
  using Values = std::map<std::string, std::string, std::less<>>;
  using Handler = std::function<void(const std::shared_ptr<Exchange>&, const Values&)>;

  /// `pattern`: "GET /v1/models/{model}".
  void add(const std::string& pattern, Handler handler);

  struct Match {
    const Handler* handler = nullptr;  ///< nullptr: no such path, or not with this method
    std::string pattern;               ///< for logs and metrics
    Values values;
    std::vector<std::string> methods;  ///< that the path has
  };
  /// HEAD goes to GET's handler.
  Match match(const std::string& method, const std::string& path) const;

 private:
  struct Route {
    std::string method, pattern;
    std::vector<std::string> segments;
    Handler handler;
  };
  std::vector<Route> routes_;
};

}  // namespace orrery::serve
