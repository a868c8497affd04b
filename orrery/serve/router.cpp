#include "orrery/serve/router.h"

#include <utility>

namespace orrery::serve {
namespace {

std::vector<std::string> segments_of(const std::string& path) {
  std::vector<std::string> segments;
  for (size_t start = 1; start <= path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    segments.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return segments;
}

bool is_value(const std::string& segment) { return segment.starts_with('{') && segment.ends_with('}'); }

}  // namespace

void Router::add(const std::string& pattern, Handler handler) {
  const size_t blank = pattern.find(' ');
  const std::string path = pattern.substr(blank + 1);
  routes_.push_back({pattern.substr(0, blank), pattern, segments_of(path), std::move(handler)});
}

Router::Match Router::match(const std::string& method, const std::string& path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const auto segments = segments_of(path);
  for (const Route& route : routes_) {
    if (route.segments.size() != segments.size()) continue;
    Values values;
    bool same = true;
    for (size_t i = 0; same && i < segments.size(); ++i) {
      if (is_value(route.segments[i]))
        values[route.segments[i].substr(1, route.segments[i].size() - 2)] = segments[i];
      else
        same = route.segments[i] == segments[i];
    }
    if (!same) continue;
    match.methods.push_back(route.method);
    if (match.handler != nullptr || (route.method != method && !(method == "HEAD" && route.method == "GET"))) continue;
    match.handler = &route.handler;
    match.pattern = route.pattern;
    match.values = std::move(values);
  }
  return match;
}

}  // namespace orrery::serve
