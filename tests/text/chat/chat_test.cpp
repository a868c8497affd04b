#include "orrery/text/chat/chat.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"

namespace orrery::text {
namespace {

using Json = nlohmann::ordered_json;

/// A vocabulary of special tokens, no more.
class SpecialTokens : public Tokenizer {
 public:
  SpecialTokens() {
    bos = 0;
    eos = 1;
  }
  std::vector<TokenId> encode(std::string_view, const EncodeOptions&) const override { return {}; }
  std::string decode(std::span<const TokenId>, bool) const override { return {}; }
  std::string_view bytes(TokenId, bool) const override { return {}; }
  int64_t size() const override { return 2; }
  bool is_special(TokenId) const override { return true; }
  std::optional<TokenId> find(std::string_view) const override { return std::nullopt; }
  std::string_view piece(TokenId id) const override { return id == 0 ? "<s>" : "</s>"; }
};

const Json kMessages = Json::parse(R"([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}])");

TEST(Chat, AModelWithoutATemplateGetsChatMl) {
  const Chat chat{SpecialTokens()};
  EXPECT_FALSE(chat.has_own_template());
  EXPECT_EQ(chat.prompt(kMessages),
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(chat.prompt(kMessages, false), "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n");
}

TEST(Chat, FillsInSpecialTokensToolsAndExtras) {
  SpecialTokens tokenizer;
  tokenizer.chat_template =
      "{{ bos_token }}{{ eos_token }}{{ pad_token }}|{{ tools }}|{{ documents }}|{{ add_generation_prompt }}|{{ x }}";
  const Chat chat(tokenizer);
  EXPECT_TRUE(chat.has_own_template());
  EXPECT_EQ(chat.prompt(kMessages), "<s></s>|None|None|True|");
  EXPECT_EQ(chat.prompt(kMessages, Json::array({{{"name", "f"}}}), false, {{"x", 1}, {"bos_token", "<b>"}}),
            "<b></s>|[{'name': 'f'}]|None|False|1");
}

TEST(Chat, DropsNullFieldsAndFindsReasoning) {
  const Chat chat(SpecialTokens(), "{% for m in messages %}{{ m }};{% endfor %}");
  EXPECT_EQ(chat.prompt(Json::parse(
                R"([{"role": "assistant", "content": null, "reasoning": "r"}, {"role": "x", "thinking": "t"}])")),
            "{'thinking': 'r', 'role': 'assistant', 'reasoning': 'r', 'reasoning_content': 'r'};"
            "{'thinking': 't', 'role': 'x', 'reasoning_content': 't'};");
}

TEST(Chat, RefusesWhatAreNoMessages) {
  const Chat chat{SpecialTokens()};
  EXPECT_THROW(chat.prompt(Json::object()), Error);
  EXPECT_THROW(chat.prompt(Json::array({"text"})), Error);
  EXPECT_THROW(Chat(SpecialTokens(), "{{"), Error);
}

TEST(Chat, SmolLm2PromptsAreTheOriginals) {
  const auto golden = std::filesystem::path(ORRERY_SOURCE_DIR) / "../shared/golden/text";
  std::ifstream prompts(golden / "smollm2-greedy/prompts.json");
  if (!prompts) GTEST_SKIP() << "no ../shared";
  const Chat chat(*Tokenizer::open(golden / "tokenizer-smollm2"));
  EXPECT_TRUE(chat.has_own_template());
  for (const Json& item : Json::parse(prompts))
    EXPECT_EQ(chat.prompt(item["messages"]), item["prompt"].get<std::string>());
}

}  // namespace
}  // namespace orrery::text
