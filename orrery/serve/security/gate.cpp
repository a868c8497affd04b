#include "orrery/serve/security/gate.h"

#include <arpa/inet.h>

#include <algorithm>

#include "orrery/serve/refusal.h"

namespace orrery::serve {
namespace {

// "[::1]:8080" as "::1", "localhost:8080" as "localhost", in lower case.
std::string host_name(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, std::min(host.find(']'), host.size()) - 1);
  } else {
    host = host.substr(0, host.rfind(':'));
  }
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

bool is_public(const Request& request) {
  const std::string& path = request.path;
  const bool reads = request.method == "GET" || request.method == "HEAD";
  return reads && (path == "/" || path == "/health" || path == "/ready" || path == "/openapi.json" ||
                   path.starts_with("/studio/"));
}

bool changes(const Request& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

std::string_view bearer(const Request& request) {
  std::string_view value = request.header("authorization");
  if (value.size() > 7 && (value.starts_with("Bearer ") || value.starts_with("bearer "))) return value.substr(7);
  return request.header("x-api-key");
}

}  // namespace

std::vector<ApiKey> read_keys(const GateOptions& options) {
  return options.keys_file.empty() ? std::vector<ApiKey>{} : read_keys(options.keys_file);
}

bool is_loopback(const std::string& address) {
  in_addr four{};
  in6_addr six{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  return inet_pton(AF_INET6, address.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

Gate::Gate(GateOptions options, bool local) : options_(std::move(options)), local_(local), keys_(read_keys(options_)) {}

void Gate::replace(GateOptions options, std::vector<ApiKey> keys) {
  options_ = std::move(options);
  keys_.replace(std::move(keys));
}

std::string Gate::admit(const Request& request) {
  check_host(request);
  check_origin(request);
  if (keys_.empty() || is_public(request)) return "";
  const std::string_view key = bearer(request);
  const auto found = keys_.find(key);
  if (!found)
    throw Refusal(401, "",
                  {.doing = "let the request in",
                   .found = key.empty() ? "no API key" : "an API key that is not known",
                   .expected = "Authorization: Bearer KEY"},
                  "invalid_api_key");
  if (const auto wait = keys_.take_request(*found, KeyRing::Clock::now())) {
    Refusal limit(429, "",
                  {.doing = "let the request in",
                   .found = "more than the key's share of a minute",
                   .advice = "try again in " + std::to_string(*wait) + " seconds"},
                  "rate_limit_exceeded");
    limit.retry_after = *wait;
    throw limit;
  }
  return keys_.name(*found);
}

void Gate::check_host(const Request& request) const {
  const auto hosts = std::count_if(request.headers.begin(), request.headers.end(),
                                   [](const auto& one) { return one.first == "host"; });
  if (hosts > 1)
    throw Refusal(400, "",
                  {.doing = "let the request in", .where = "header Host", .found = "it twice", .expected = "once"});
  if (!local_) return;
  const std::string name = host_name(request.header("host"));
  if (name.empty() || name == "localhost" || name.ends_with(".localhost") || is_loopback(name)) return;
  if (std::find(options_.hosts.begin(), options_.hosts.end(), name) != options_.hosts.end()) return;
  throw Refusal(403, "",
                {.doing = "let the request in",
                 .where = "header Host",
                 .found = name,
                 .expected = "localhost",
                 .advice = "a name that a proxy uses is allowed by --host NAME"});
}

void Gate::check_origin(const Request& request) const {
  if (!changes(request)) return;
  const std::string_view origin = request.header("origin");
  const std::string own = (request.secure ? "https://" : "http://") + std::string(request.header("host"));
  const bool foreign =
      !origin.empty() ? origin != own && !is_listed(origin) : request.header("sec-fetch-site") == "cross-site";
  if (foreign)
    throw Refusal(403, "",
                  {.doing = "let the request in",
                   .where = "header Origin",
                   .found = std::string(origin),
                   .expected = "this server's own pages",
                   .advice = "other pages are allowed by --cors ORIGIN"});
}

bool Gate::is_listed(std::string_view origin) const {
  return std::any_of(options_.cors_origins.begin(), options_.cors_origins.end(),
                     [&](const std::string& one) { return one == "*" || one == origin; });
}

Headers Gate::cors_headers(const Request& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !is_listed(origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(origin)}, {"Vary", "Origin"}};
}

std::optional<Response> Gate::preflight(const Request& request) const {
  if (request.method != "OPTIONS" || request.header("access-control-request-method").empty()) return std::nullopt;
  Response response{.status = 204, .content_type = "", .headers = cors_headers(request)};
  if (response.headers.empty()) return std::nullopt;
  response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
  response.headers.emplace_back("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Api-Key");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
  return response;
}

}  // namespace orrery::serve
