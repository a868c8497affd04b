// The way back: calls and results of an earlier answer, as a chat template takes them.
#pragma once

#include <nlohmann/json.hpp>

#include "orrery/text/chat/chat.h"
#include "orrery/text/chat/tools/tool_format.h"

namespace orrery::text {

struct TemplateInput {
  nlohmann::ordered_json messages, tools;  ///< what Chat::prompt() is given; tools may be null
};

/// From OpenAI's form of messages to what templates are written for (Hugging Face's "Tool use"):
/// - arguments, which clients send as JSON text, become objects, unless the template wants text; "" becomes {};
/// - an assistant's missing content beside calls becomes "", an empty or null tool_calls goes;
/// - a result without a name gets its call's; ids other than nine letters and digits become such where the template
///   demands it, the same one for a call and its result.
/// Where the template leaves calls out (ToolFormat::template_writes_calls) they become text, as the model writes them.
/// Where it says nothing of tools (the generic format), a system message of ours (or the end of the one that
/// is there) lists `tools`, and results become <tool_response> tags in a user's message. `takes_system` false puts the
/// list before the first user's message. Throws Error whose `where` is the field
/// ("messages[2].tool_calls[0].function.arguments") for what is malformed, and for results of calls that were not made.
TemplateInput tool_messages(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                            const ToolFormat& format, bool takes_system = true);

/// False where the template refuses a system message, or leaves it out.
bool takes_system_messages(const Chat& chat);

}  // namespace orrery::text
