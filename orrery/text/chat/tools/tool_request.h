// The fields `tools`, `tool_choice` and `parallel_tool_calls` of a chat completion (OpenAI, API reference, "Create chat
// completion").
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace orrery::text {

struct ToolRequest {
  enum class Choice {
    kNone,      ///< the model is not shown any tools
    kAuto,      ///< the model decides
    kRequired,  ///< it must call one, or several
  };

  nlohmann::ordered_json tools = nlohmann::ordered_json::array();  ///< [{"type": "function", "function": {…}}, …]
  Choice choice = Choice::kNone;
  std::string function;  ///< kRequired: this one; empty: any
  bool parallel = true;  ///< false: one call at most

  std::vector<std::string> names() const;
  /// What the chat template is given: null where the model is not to know of tools.
  nlohmann::ordered_json shown() const;
};

/// Throws Error whose `where` is the field ("tools[2].function.name"): tools that are no functions, names other than
/// 1 to 64 letters, digits, _ and -, one name twice, more than 128 tools, parameters that are no JSON schema of an
/// object, a choice that is not "none", "auto", "required" or a function of the list ("allowed_tools" and custom tools
/// are not supported). Whether a schema's keywords are supported is found where a grammar is made of it
/// (tool_grammar.h).
ToolRequest read_tool_request(const nlohmann::ordered_json& request);

}  // namespace orrery::text
