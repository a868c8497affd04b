// What goes over HTTP, without the network: a request and its answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace orrery::serve {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;  ///< "GET"
  std::string path;    ///< percent-decoded, without the query: "/v1/models"
  std::string query;   ///< what follows the "?", as it came
  Headers headers;     ///< names in lower case
  std::string body;
  std::string peer;  ///< the client's address
  bool secure = false;

  /// A header's value; empty where there is none.
  std::string_view header(std::string_view lower_case_name) const;
  /// A query parameter, decoded; nothing where it is not there.
  std::optional<std::string> parameter(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Headers headers;
};

/// "%41+b" as "A b" (`plus`: a form's blanks); nothing where an escape is cut off or no hexadecimal number.
std::optional<std::string> percent_decoded(std::string_view text, bool plus);

/// "text/plain; charset=utf-8" as "text/plain", in lower case.
std::string media_type(std::string_view content_type);

}  // namespace orrery::serve
