// One function per format, in a file of its own: the format where the tokenizer's chat template shows it.
#pragma once

#include <optional>
#include <string_view>

#include "orrery/text/chat/tools/tool_format.h"

namespace orrery::text {

std::optional<ToolFormat> command_r_format(const Tokenizer& tokenizer);
std::optional<ToolFormat> deepseek_format(const Tokenizer& tokenizer);
std::optional<ToolFormat> functionary_format(const Tokenizer& tokenizer);
std::optional<ToolFormat> granite_format(const Tokenizer& tokenizer);
std::optional<ToolFormat> hermes_format(const Tokenizer& tokenizer);
std::optional<ToolFormat> llama3_format(const Tokenizer& tokenizer);
std::optional<ToolFormat> mistral_format(const Tokenizer& tokenizer);
std::optional<ToolFormat> tagged_list_format(const Tokenizer& tokenizer);
/// Hermes' form, and a message of ours in place of the template's words (tool_messages.h).
ToolFormat generic_format();

/// True when the chat template holds this text.
inline bool shows(const Tokenizer& tokenizer, std::string_view text) {
  return tokenizer.chat_template.find(text) != std::string::npos;
}

}  // namespace orrery::text
