// Requests changed at random, always the same ones: for the fuzz test.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace orrery::serve {

struct PlainRequest {
  std::string method, target, body;
};

/// A line each: method, target, body. Throws for a file that is not there.
std::vector<PlainRequest> read_requests(const std::string& file);

struct ChangedRequest {
  std::string bytes;
  bool head = false;
  /// One whole request of HTTP, to which there is one answer; else whatever a client may send.
  bool whole = true;
};

/// The `number`th change of one of `requests`: of its JSON's structure, of bytes of its body, target and headers, and
/// of its bytes as a whole.
ChangedRequest changed_request(const std::vector<PlainRequest>& requests, uint32_t number);

}  // namespace orrery::serve
