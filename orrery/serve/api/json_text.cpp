#include "orrery/serve/api/json_text.h"

#include <nlohmann/json.hpp>

namespace orrery::serve {

std::string json_string(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string dumped(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void append_json_string(std::string& out, std::string_view text) {
  for (unsigned char c : text) {
    if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7f) {
      out += json_string(text);
      return;
    }
  }
  out += '"';
  out += text;
  out += '"';
}

}  // namespace orrery::serve
