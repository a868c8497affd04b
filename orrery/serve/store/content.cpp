#include "orrery/serve/store/content.h"

#include <nlohmann/json.hpp>

namespace orrery::serve {
namespace {

bool has_string(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string();
}

bool is_text(const Json& part) { return part["type"] == "text"; }

}  // namespace

void check_content(const std::string& doing, std::string_view field, const Json& content) {
  if (content.is_string()) return;
  if (!content.is_array()) refuse(doing, field, content.type_name(), "a string or a list of parts");
  for (const Json& part : content) {
    if (!part.is_object() || !has_string(part, "type")) {
      refuse(doing, field, "a part without a type", "objects with a string \"type\"");
    }
    if (is_text(part) && !has_string(part, "text")) refuse(doing, field, "a text part without \"text\"", "a string");
  }
}

std::string searchable_text(const Json& content) {
  if (content.is_string()) return content.get<std::string>();
  std::string text;
  for (const Json& part : content) {
    if (!is_text(part)) continue;
    if (!text.empty()) text += '\n';
    text += part["text"].get_ref<const std::string&>();
  }
  return text;
}

}  // namespace orrery::serve
