#include "tests/serve/request_changes.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace orrery::serve {
namespace {

using nlohmann::ordered_json;
using Random = std::mt19937;

template <class List>
const auto& one_of(const List& list, Random& random) {
  return list[random() % std::size(list)];
}

/// Values that parsers stumble over. No count among them is so high that an honest server would have to work for long.
ordered_json hard_value(Random& random) {
  static const std::vector<ordered_json> kValues = {nullptr,
                                                    true,
                                                    false,
                                                    0,
                                                    1,
                                                    -1,
                                                    2,
                                                    3,
                                                    1.5,
                                                    -0.0,
                                                    1e-300,
                                                    1e300,
                                                    65,
                                                    2147483648,
                                                    -2147483649,
                                                    9007199254740993,
                                                    INT64_MIN,
                                                    UINT64_MAX,
                                                    "",
                                                    "a",
                                                    "0",
                                                    "null",
                                                    "user",
                                                    "auto",
                                                    "none",
                                                    "function",
                                                    "json_schema",
                                                    "text",
                                                    "<|im_end|>",
                                                    "<|fim_middle|>",
                                                    "\n",
                                                    "[",
                                                    "\\",
                                                    "é世\u200d🪐",
                                                    std::string("a\0b", 3),
                                                    std::string(3000, 'x'),
                                                    std::string(300, '('),
                                                    "root ::= root",
                                                    "^(a+)+$",
                                                    "#/$defs/tag",
                                                    "../../etc/passwd",
                                                    "{{ messages }}",
                                                    ordered_json::array(),
                                                    ordered_json::object(),
                                                    ordered_json::array({nullptr}),
                                                    ordered_json::array({1, "2", 3.5}),
                                                    ordered_json::array({ordered_json::array({ordered_json::array()})}),
                                                    {{"type", "object"}},
                                                    {{"type", "text"}},
                                                    {{"role", "user"}},
                                                    {{"$ref", "#"}},
                                                    {{"name", 1}},
                                                    {{"", nullptr}}};
  if (random() % 12 > 0) return one_of(kValues, random);
  ordered_json deep = 1;
  for (size_t depth = random() % 100; depth > 0; --depth)
    deep = random() % 2 ? ordered_json::array({deep}) : ordered_json{{"type", deep}};
  return deep;
}

void collect(ordered_json& value, std::vector<ordered_json*>& all) {
  all.push_back(&value);
  if (value.is_structured())
    for (ordered_json& part : value) collect(part, all);
}

/// A field's name from anywhere in `from`, or one that nobody knows.
std::string some_name(ordered_json& from, Random& random) {
  std::vector<ordered_json*> all;
  collect(from, all);
  const ordered_json& object = *one_of(all, random);
  if (!object.is_object() || object.empty()) return "unknown";
  auto field = object.begin();
  std::advance(field, random() % object.size());
  return field.key();
}

/// One change: a value replaced, doubled, wrapped, swapped with another, a field gone, renamed or taken from elsewhere.
void change(ordered_json& body, ordered_json& other, Random& random) {
  std::vector<ordered_json*> all, others;
  collect(body, all);
  collect(other, others);
  ordered_json& value = *one_of(all, random);
  switch (random() % 8) {
    case 0:
    case 1:
      value = hard_value(random);
      break;
    case 2:
      value = ordered_json(*one_of(others, random));
      break;
    case 3:
      value = random() % 2 ? ordered_json::array({value, value}) : ordered_json{{some_name(other, random), value}};
      break;
    case 4:
      if (value.is_structured() && !value.empty()) {
        auto part = value.begin();
        std::advance(part, random() % value.size());
        value.erase(part);
      }
      break;
    case 5:
      if (value.is_object()) value[some_name(random() % 2 ? body : other, random)] = hard_value(random);
      if (value.is_array()) value.push_back(hard_value(random));
      break;
    case 6:
      if (value.is_string()) {
        auto& text = value.get_ref<std::string&>();
        text.insert(random() % (text.size() + 1),
                    one_of(std::vector<std::string>{"é", "\"", "\\u", "*", "{3}", "<|im_start|>", "\r\n"}, random));
      } else if (value.is_number()) {
        value = -value.get<double>();
      }
      break;
    default: {
      ordered_json& second = *one_of(all, random);
      ordered_json copy = second;  // one may hold the other
      second = ordered_json(value);
      if (random() % 2) body = std::move(copy);
    }
  }
}

/// So many bytes changed, gone, doubled or put in.
void change_bytes(std::string& bytes, size_t count, Random& random) {
  static const std::vector<std::string> kPieces = {
      "\xff",    "\xc3", std::string(1, '\0'), "\"", "{", "}", "[", "]", ",", ":", "\r\n", "\n", " ", "%", "1e999", "-",
      "\\ud800", "null"};
  for (; count > 0; --count) {
    const size_t at = random() % (bytes.size() + 1), length = random() % 16 + 1;
    switch (random() % 4) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(at, bytes.substr(at, length * length));
        break;
      default:
        bytes.insert(at, one_of(kPieces, random));
    }
  }
}

/// What can stand in a target or in a field of a header: nothing that would end it.
std::string harmless(std::string text, bool blanks) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127 || (c == ' ' && !blanks)) c = '_';
  return text;
}

std::string some_headers(Random& random) {
  static const std::vector<std::string> kHeaders = {"Origin: http://localhost",
                                                    "Origin: https://evil.example",
                                                    "Sec-Fetch-Site: cross-site",
                                                    "Accept: */*",
                                                    "Authorization: Bearer sk-1",
                                                    "X-Api-Key: a",
                                                    "Content-Type: application/json; charset=utf-16",
                                                    "Content-Type: multipart/form-data; boundary=x",
                                                    "Accept-Encoding: gzip, br",
                                                    "Range: bytes=0-9",
                                                    "If-None-Match: \"x\"",
                                                    "Cookie: a=b",
                                                    "X-Request-Id: 1",
                                                    "Access-Control-Request-Method: POST",
                                                    "X-Forwarded-For: ::1",
                                                    "Content-Encoding: gzip",
                                                    "Host: localhost",
                                                    "Connection: upgrade",
                                                    "Upgrade: h2c"};
  std::string lines;
  for (size_t count = random() % 4; count > 0; --count) {
    std::string line = one_of(kHeaders, random);
    if (random() % 4 == 0) {
      const size_t colon = line.find(':');
      std::string value = line.substr(colon + 1);
      change_bytes(value, 2, random);
      line = line.substr(0, colon + 1) + harmless(value, true);
    }
    lines += line + "\r\n";
  }
  return lines;
}

}  // namespace

std::vector<PlainRequest> read_requests(const std::string& file) {
  std::vector<PlainRequest> requests;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const size_t method = line.find(' '), target = std::min(line.find(' ', method + 1), line.size());
    requests.push_back({line.substr(0, method), line.substr(method + 1, target - method - 1),
                        line.substr(std::min(line.size(), target + 1))});
  }
  if (requests.empty()) throw std::runtime_error("no requests in " + file);
  return requests;
}

ChangedRequest changed_request(const std::vector<PlainRequest>& requests, uint32_t number) {
  Random random(number);
  PlainRequest request = one_of(requests, random);
  if (ordered_json body = ordered_json::parse(request.body, nullptr, false); body.is_object()) {
    ordered_json other = ordered_json::parse(one_of(requests, random).body, nullptr, false);
    if (other.is_discarded()) other = {{"a", 1}};
    for (size_t count = random() % 5; count > 0; --count) change(body, other, random);
    request.body = body.dump(-1, ' ', random() % 2, ordered_json::error_handler_t::replace);
  }
  if (random() % 4 == 0) change_bytes(request.body, random() % 4 + 1, random);
  if (random() % 8 == 0) {
    change_bytes(request.target, random() % 3 + 1, random);
    request.target = "/" + harmless(request.target.substr(std::min<size_t>(1, request.target.size())), false);
  }
  if (random() % 16 == 0)
    request.method =
        one_of(std::vector<std::string>{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"}, random);
  ChangedRequest changed{.head = request.method == "HEAD"};
  std::string length = "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  if (random() % 8 == 0) {
    std::string chunks;
    for (size_t at = 0; at < request.body.size();) {
      const size_t size = std::min<size_t>(request.body.size() - at, random() % 100 + 1);
      char digits[20];
      std::snprintf(digits, sizeof digits, "%zx\r\n", size);
      chunks += digits + request.body.substr(at, size) + "\r\n";
      at += size;
    }
    request.body = chunks + "0\r\n\r\n";
    length = "Transfer-Encoding: chunked\r\n";
  }
  changed.bytes = request.method + " " + request.target + " HTTP/1.1\r\nHost: localhost\r\n" + some_headers(random) +
                  length + "\r\n" + request.body;
  if (random() % 10 == 0) {
    changed.whole = false;
    change_bytes(changed.bytes, random() % 6 + 1, random);
  }
  return changed;
}

}  // namespace orrery::serve
