// Messages to a prompt, through the model's own chat template.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "orrery/text/chat/template.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace orrery::text {

/// ChatML ("<|im_start|>role\ncontent<|im_end|>\n"): what a model that has no template of its own is given. A base
/// model was not trained on it and may answer oddly; Chat::has_own_template tells.
extern const std::string_view kChatMl;

/// A model's chat template with its special tokens. Immutable; prompt is safe from many threads.
class Chat {
 public:
  /// The tokenizer's template, or ChatML where it has none. Throws Error for a template that does not parse.
  explicit Chat(const Tokenizer& tokenizer);
  /// Any template (a --chat-template file), with the tokenizer's special tokens.
  Chat(const Tokenizer& tokenizer, std::string_view source);

  /// Fills the template as Hugging Face's apply_chat_template does: messages [{"role", "content", …}, …] · tools, a
  /// list of JSON schemas, or null · extra, an object of further variables ("documents", "enable_thinking", …), or
  /// null; it wins over the special tokens (bos_token, eos_token, unk_token, pad_token, where the model has them). A
  /// message's null fields are left out; its reasoning is found under reasoning_content and thinking, whichever of the
  /// two (or "reasoning") it came as. Throws Error, also with the template's own words where it refuses a conversation.
  std::string prompt(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                     bool add_generation_prompt, const nlohmann::ordered_json& extra) const;
  std::string prompt(const nlohmann::ordered_json& messages, bool add_generation_prompt = true) const;

  bool has_own_template() const { return has_own_template_; }

 private:
  ChatTemplate template_;
  bool has_own_template_;
  std::vector<std::pair<std::string, std::string>> special_tokens_;
};

}  // namespace orrery::text
