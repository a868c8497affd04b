#include "orrery/text/chat/chat.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

using Json = nlohmann::ordered_json;

// Names that a message's reasoning comes under; templates read the first two.
constexpr std::array kReasoningFields = {"reasoning_content", "thinking", "reasoning"};

// What Hugging Face does to a message before a template sees it: null fields go, and reasoning is found under both
// names.
Json normalized(const Json& message) {
  if (!message.is_object())
    throw Error({.doing = "apply a chat template",
                 .found = std::string("a message of type ") + message.type_name(),
                 .expected = "an object with role and content"});
  const auto given = [&](const char* field) { return message.contains(field) && !message[field].is_null(); };
  const auto reasoning = std::find_if(kReasoningFields.begin(), kReasoningFields.end(), given);
  Json out = Json::object();
  if (reasoning != kReasoningFields.end()) out["thinking"] = message[*reasoning];
  for (const auto& [key, value] : message.items())
    if (!value.is_null()) out[key] = value;
  if (reasoning != kReasoningFields.end()) out["reasoning_content"] = message[*reasoning];
  return out;
}

}  // namespace

const std::string_view kChatMl =
    "{% for message in messages %}{{ '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' }}{% "
    "endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

Chat::Chat(const Tokenizer& tokenizer)
    : Chat(tokenizer, tokenizer.chat_template.empty() ? kChatMl : std::string_view(tokenizer.chat_template)) {
  has_own_template_ = !tokenizer.chat_template.empty();
}

Chat::Chat(const Tokenizer& tokenizer, std::string_view source) : template_(source), has_own_template_(true) {
  const auto add = [&](const char* name, std::optional<TokenId> id) {
    if (id) special_tokens_.emplace_back(name, tokenizer.piece(*id));
  };
  add("bos_token", tokenizer.bos);
  add("eos_token", tokenizer.eos);
  add("unk_token", tokenizer.unk);
  add("pad_token", tokenizer.pad);
}

std::string Chat::prompt(const Json& messages, const Json& tools, bool add_generation_prompt, const Json& extra) const {
  if (!messages.is_array())
    throw Error({.doing = "apply a chat template",
                 .found = std::string("messages of type ") + messages.type_name(),
                 .expected = "a list of messages"});
  Json context = {{"messages", Json::array()},
                  {"tools", tools},
                  {"documents", nullptr},
                  {"add_generation_prompt", add_generation_prompt}};
  for (const Json& message : messages) context["messages"].push_back(normalized(message));
  for (const auto& [name, text] : special_tokens_) context[name] = text;
  if (!extra.is_null()) context.update(extra);
  return template_.render(context);
}

std::string Chat::prompt(const Json& messages, bool add_generation_prompt) const {
  return prompt(messages, nullptr, add_generation_prompt, nullptr);
}

}  // namespace orrery::text
