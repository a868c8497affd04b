// Who is let in: API keys, origins of web pages, names of this server.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orrery/serve/http/message.h"
#include "orrery/serve/security/keys.h"

namespace orrery::serve {

struct GateOptions {
  std::string keys_file;                  ///< empty: nobody needs a key
  std::vector<std::string> cors_origins;  ///< pages of other origins that may call: "https://example.org", or "*"
  std::vector<std::string> hosts;         ///< further names of this server that a Host header may give
};

/// Used in the server's thread only.
class Gate {
 public:
  /// `local`: the server listens at a loopback address only. Then a Host header must be a loopback name, or one of the
  /// options': pages cannot reach it by a name that they have pointed here (DNS rebinding).
  Gate(GateOptions options, bool local);

  /// Throws Refusal: 401 without a known key, 403 for other hosts and for pages of origins that are not listed, 429
  /// with the seconds to wait. Returns the key's name; empty where none is needed. Paths that anybody may see (the
  /// studio's files, /health, /ready) need no key.
  std::string admit(const Request& request);
  void count_tokens(const std::string& key, int64_t tokens) { keys_.take_tokens(key, tokens, KeyRing::Clock::now()); }

  /// What a page of a listed origin needs to read the answer.
  Headers cors_headers(const Request& request) const;
  /// The answer to a page's question before its call (OPTIONS with Access-Control-Request-Method); nothing for others.
  std::optional<Response> preflight(const Request& request) const;

  /// Other options, whose keys the caller has read; keys of the same name keep what they have used.
  void replace(GateOptions options, std::vector<ApiKey> keys);

 private:
  bool is_listed(std::string_view origin) const;
  void check_host(const Request& request) const;
  void check_origin(const Request& request) const;

  GateOptions options_;
  const bool local_;
  KeyRing keys_;
};

/// Those of the options' file; none where there is none. Throws Error.
std::vector<ApiKey> read_keys(const GateOptions& options);

/// True for 127.0.0.0/8 and ::1.
bool is_loopback(const std::string& address);

}  // namespace orrery::serve
