#include "orrery/text/chat/tools/tool_format.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "orrery/base/error.h"
#include "orrery/text/chat/chat.h"
#include "orrery/text/chat/reasoning.h"
#include "orrery/text/chat/tools/tool_messages.h"
#include "tests/text/chat/tools/answers.h"
#include "tests/text/chat/tools/tool_templates.h"

namespace orrery::text {
namespace {

TEST(ToolFormat, IsFoundFromTheTemplate) {
  for (const auto& [name, source] : tool_templates())
    EXPECT_EQ(find_tool_format(tokenizer_with_template(source)).name, name);
}

TEST(ToolFormat, IsGenericWhereTheTemplateKnowsNoFormOfCalls) {
  for (const char* source : {"", "{{ messages[0].content }}",
                             // Qwen3-Coder's and GLM's tags hold something else.
                             "{{ '<tool_call>\n<function=' + call.name + '>' }} \"name\" <parameter=",
                             "<tool_call>{name}<arg_key> \"name\""}) {
    const ToolFormat format = find_tool_format(tokenizer_with_template(source));
    EXPECT_EQ(format.name, "generic") << source;
    EXPECT_FALSE(format.template_lists_tools);
  }
  EXPECT_TRUE(format_named("hermes").template_lists_tools);
}

TEST(ToolFormat, MarksBeginWithNoBlankAndNoneBeginsAnother) {
  for (const auto& [name, source] : tool_templates()) {
    const ToolFormat format = format_named(name);
    const auto marks = format.marks();
    EXPECT_FALSE(marks.empty());
    for (std::string_view a : {format.block_begin, format.call_begin, format.block_end, format.call_end})
      EXPECT_TRUE(a.empty() || !is_json_space(a[0])) << name;
    for (std::string_view a : marks)
      for (std::string_view b : marks)
        EXPECT_TRUE(a.data() == b.data() || !b.starts_with(a)) << name << ": " << a << " and " << b;
  }
}

TEST(ToolFormat, ShowsTheSpecialTokensOfItsMarks) {
  const std::vector<std::string> specials = {"<end>", "[TOOL_CALLS]", "[ARGS]", "<think>", "</think>", "[INST]"};
  const ToyTokenizer tokenizer = tokenizer_with_template(tool_templates().at("mistral names"), specials);
  const ToolFormat format = find_tool_format(tokenizer);
  EXPECT_EQ(shown_tokens(format, tokenizer), (std::vector<TokenId>{257, 258}));
  EXPECT_EQ(shown_tokens(format, tokenizer, {"<think>", "</think>"}), (std::vector<TokenId>{257, 258, 259, 260}));
  // A mark of several tokens and plain text.
  const ToyTokenizer deepseek =
      tokenizer_with_template(tool_templates().at("deepseek"),
                              {"<end>", "<｜tool▁sep｜>", "<｜tool▁call▁begin｜>", "<｜tool▁outputs▁begin｜>"});
  EXPECT_EQ(shown_tokens(find_tool_format(deepseek), deepseek), (std::vector<TokenId>{257, 258}));
}

TEST(ReasoningMarks, AreFoundInTheTemplateOrTheVocabulary) {
  EXPECT_FALSE(find_reasoning_marks(tokenizer_with_template("{{ 1 }}")));
  EXPECT_EQ(find_reasoning_marks(tokenizer_with_template("{{ c.split('</think>')[-1] }}"))->begin, "<think>");
  EXPECT_EQ(find_reasoning_marks(tokenizer_with_template("[THINK]x[/THINK]"))->end, "[/THINK]");
  EXPECT_FALSE(find_reasoning_marks(tokenizer_with_template("", {"<end>", "<think>"})));
  EXPECT_TRUE(find_reasoning_marks(tokenizer_with_template("", {"<end>", "<think>", "</think>"})));
  const ReasoningMarks marks{"<think>", "</think>"};
  EXPECT_TRUE(prompt_opens_reasoning("<a><think>\n", marks));
  EXPECT_FALSE(prompt_opens_reasoning("<a><think>\n\n</think>\n\n", marks));
  EXPECT_FALSE(prompt_opens_reasoning("", marks));
}

// Templates write calls as models are to write them: what a template made of two calls, the parser takes apart again.
void check_round_trip(const std::string& source, const std::string& label) {
  using Json = nlohmann::ordered_json;
  const ToyTokenizer tokenizer = tokenizer_with_template(source);
  const ToolFormat format = find_tool_format(tokenizer);
  ASSERT_NE(format.name, "generic") << label;
  const Json arguments =
      Json::parse(R"({"city": "São Paulo \"SP\" </tool_call> ]", "days": [1, {"n": -2.5e3}], "x": {}})");
  const auto call = [&](const char* id, const char* name) {  // as clients send it
    return Json{{"type", "function"}, {"id", id}, {"function", {{"name", name}, {"arguments", arguments.dump()}}}};
  };
  Json messages = Json::parse(R"([{"role": "user", "content": "Hi"}])");
  const Json tools = Json::parse(R"([
      {"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": {"type": "object", "properties": {}}}}])");
  const Chat chat(tokenizer);
  const std::string before = chat.prompt(messages, tools, true, nullptr);
  Json calls = Json::array({call("call_0123456789abcdefghijklm1", "get_weather")});
  if (format.parallel) calls.push_back(call("call_0123456789abcdefghijklm2", "get-time"));
  messages.push_back({{"role", "assistant"}, {"content", ""}, {"tool_calls", calls}});
  const auto converted = tool_messages(messages, tools, format);
  const std::string after = chat.prompt(converted.messages, tools, false, nullptr);
  // The answer begins where the two part, before a mark that they may have in common ("<think>", "<tool_call>").
  size_t begin = std::mismatch(before.begin(), before.end(), after.begin(), after.end()).first - before.begin();
  while (begin > 0 && before[begin - 1] != '>' && before[begin - 1] != '\n' && before[begin - 1] != ']') --begin;
  const Reader reader{.format = format, .prompt = before.substr(0, begin)};
  const Answer read = reader.read(std::string_view(after).substr(begin));
  ASSERT_EQ(read.calls.size(), calls.size()) << label << "\n" << after.substr(begin) << "\n" << read;
  for (size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(read.calls[i].name, calls[i]["function"]["name"].get<std::string>()) << label;
    EXPECT_EQ(Json::parse(read.calls[i].arguments), arguments) << label;
    EXPECT_TRUE(read.calls[i].complete) << label;
  }
  EXPECT_EQ(read.content.find("get_weather"), read.content.npos) << label << ": " << read.content;
}

TEST(ToolFormat, ReadsWhatTheTemplateWrites) {
  for (const auto& [name, source] : tool_templates()) check_round_trip(source, name);
}

// For models' own templates, which are not ours to keep here: llama.cpp's models/templates, say.
TEST(ToolFormat, ReadsWhatTheTemplatesOfAFolderWrite) {
  const char* folder = std::getenv("ORRERY_CHAT_TEMPLATES");
  if (folder == nullptr) GTEST_SKIP() << "ORRERY_CHAT_TEMPLATES names no folder of *.jinja files";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    std::ifstream file(entry.path());
    const std::string source(std::istreambuf_iterator<char>(file), {});
    const ToolFormat format = find_tool_format(tokenizer_with_template(source));
    std::cout << entry.path().filename().string() << ": " << format.name << "\n";
    if (format.template_lists_tools) try {
        check_round_trip(source, entry.path().filename());
      } catch (const Error& error) {
        std::cout << "  " << error.what() << "\n";  // it refuses this conversation
      }
  }
}

}  // namespace
}  // namespace orrery::text
