#include "tests/serve/http_reply.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace orrery::serve {
namespace {

using nlohmann::json;

std::optional<size_t> number(std::string_view text, int base) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool is_json(std::string_view text) { return json::accept(text); }

/// Each event is a comment, or one of JSON behind "data: "; an error in one of them is our fault.
std::string fault_of_events(std::string_view body, bool complete) {
  while (!body.empty()) {
    const size_t end = body.find("\n\n");
    if (end == std::string_view::npos) return complete ? "an event without an end" : "";
    for (std::string_view event = body.substr(0, end); !event.empty();) {
      const std::string_view line = event.substr(0, event.find('\n'));
      event.remove_prefix(std::min(event.size(), line.size() + 1));
      if (line.starts_with(":") || line.starts_with("event: ") || line == "data: [DONE]") continue;
      if (!line.starts_with("data: ") || !is_json(line.substr(6))) return "an event of \"" + std::string(line) + '"';
      if (line.find("\"server_error\"") != std::string_view::npos) return "an event that says " + std::string(line);
    }
    body.remove_prefix(end + 2);
  }
  return "";
}

}  // namespace

HttpReply::HttpReply(std::string_view bytes, bool to_head) { read(bytes, to_head); }

void HttpReply::read(std::string_view bytes, bool to_head) {
  const auto malformed = [this](const std::string& what) {
    state = State::kMalformed;
    problem = what;
  };
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return;
  std::string_view head = bytes.substr(0, end + 2);
  const std::string_view line = head.substr(0, head.find("\r\n"));
  if (line.size() < 13 || !line.starts_with("HTTP/1.1 ") || line[12] != ' ' || !number(line.substr(9, 3), 10))
    return malformed("a status line of \"" + std::string(line) + '"');
  head.remove_prefix(line.size() + 2);
  while (!head.empty()) {
    const std::string_view field = head.substr(0, head.find("\r\n"));
    head.remove_prefix(field.size() + 2);
    const size_t colon = field.find(": ");
    if (colon == std::string_view::npos || colon == 0 || field.find_first_of("\r\n\0") != std::string_view::npos)
      return malformed("a field of \"" + std::string(field) + '"');
    std::string name(field.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (!headers.emplace(name, field.substr(colon + 2)).second) return malformed("the field " + name + " twice");
  }
  status = static_cast<int>(*number(line.substr(9, 3), 10));
  const bool chunked = headers.contains("transfer-encoding");
  if (chunked && (headers["transfer-encoding"] != "chunked" || headers.contains("content-length")))
    return malformed("two lengths");
  size_t at = end + 4;
  if (to_head || status == 204 || status == 304 || status < 200) {
    state = State::kComplete;
    size = at;
    return;
  }
  if (!chunked) {
    const auto length = number(headers["content-length"], 10);
    if (!length) return malformed("no length");
    body = bytes.substr(at, *length);
    if (body.size() < *length) return;
    state = State::kComplete;
    size = at + *length;
    return;
  }
  for (;;) {
    const size_t line_end = bytes.find("\r\n", at);
    if (line_end == std::string_view::npos) return;
    const auto length = number(bytes.substr(at, line_end - at), 16);
    if (!length) return malformed("a chunk of \"" + std::string(bytes.substr(at, line_end - at)) + '"');
    at = line_end + 2;
    if (bytes.size() < at + *length + 2) {
      body += bytes.substr(at);
      return;
    }
    if (bytes.substr(at + *length, 2) != "\r\n") return malformed("a chunk without an end");
    body += bytes.substr(at, *length);
    at += *length + 2;
    if (*length > 0) continue;
    state = State::kComplete;
    size = at;
    return;
  }
}

std::string HttpReply::fault() const {
  static const std::set<int> kProper = {200, 201, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431};
  if (state == State::kMalformed) return problem;
  if (status == 0) return "";
  if (!kProper.contains(status)) return "status " + std::to_string(status);
  const bool complete = state == State::kComplete;
  const auto found = headers.find("content-type");
  const std::string type = found == headers.end() ? "" : found->second;
  if (type.starts_with("text/event-stream")) return fault_of_events(body, complete);
  if (!complete || body.empty()) return "";
  if (type == "application/json" && !is_json(body)) return "JSON that is none";
  if (status >= 400 && (type != "application/json" || !json::parse(body).contains("error")))
    return "an error without a word";
  return "";
}

}  // namespace orrery::serve
