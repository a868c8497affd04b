#include "cli/chat_prompt.h"

#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/text/chat/chat.h"

namespace orrery::cli {

std::vector<text::TokenId> chat_prompt(const text::Tokenizer& tokenizer, const nlohmann::ordered_json& messages) {
  if (tokenizer.chat_template.empty())
    throw Error({.doing = "write the prompt of a conversation",
                 .found = "a model without a chat template",
                 .advice = "continue plain text with: orrery run MODEL --raw"});
  const std::string text = text::Chat(tokenizer).prompt(messages);
  // The template writes the special tokens itself.
  return tokenizer.encode(text, {.add_special = false, .parse_special = true});
}

}  // namespace orrery::cli
