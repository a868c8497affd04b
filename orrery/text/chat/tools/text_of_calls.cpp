#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "orrery/text/chat/tools/tool_format.h"

namespace orrery::text {

namespace {

using Json = nlohmann::ordered_json;

std::string arguments_text(const Json& function) {
  const Json& arguments = function["arguments"];
  return arguments.is_string() ? arguments.get<std::string>() : arguments.dump();
}

std::string id_of(const Json& call) {
  return call.contains("id") && call["id"].is_string() ? call["id"].get<std::string>() : std::string();
}

std::string object_text(const ToolFormat& format, const Json& function) {
  return fmt::format("{{\"{}\": {}, \"{}\": {}}}", format.name_key, function["name"].dump(), format.arguments_key,
                     arguments_text(function));
}

std::string named_text(const ToolFormat& format, const Json& call) {
  const Json& function = call["function"];
  const std::string id = format.id_mark.empty() ? "" : format.id_mark + id_of(call);
  const std::string layout = format.name_end.ends_with("json") ? "\n" : "";  // of DeepSeek's fenced JSON
  return format.call_begin + function["name"].get<std::string>() + id + format.name_end + layout +
         arguments_text(function) + layout + format.call_end;
}

}  // namespace

std::string text_of_calls(const ToolFormat& format, const Json& calls) {
  std::string out;
  for (const Json& call : calls) {
    if (format.shape == ToolFormat::Shape::kNamed) {
      out += named_text(format, call);
    } else if (format.list) {
      out += (out.empty() ? "" : ", ") + object_text(format, call["function"]);
    } else {
      if (!out.empty()) out += "\n";
      const std::string object = object_text(format, call["function"]);
      out += format.bare ? object : format.block_begin + "\n" + object + "\n" + format.block_end;
    }
  }
  if (format.shape == ToolFormat::Shape::kNamed) return format.block_begin + out + format.block_end;
  return format.list ? format.block_begin + "[" + out + "]" + format.block_end : out;
}

}  // namespace orrery::text
