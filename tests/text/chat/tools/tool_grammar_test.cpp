#include "orrery/text/chat/tools/tool_grammar.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "orrery/base/error.h"
#include "orrery/text/chat/tools/rename_rules.h"
#include "orrery/text/chat/tools/tool_messages.h"
#include "orrery/text/checkpoint.h"
#include "orrery/text/engine/engine.h"
#include "orrery/text/sampling/grammar.h"
#include "tests/text/chat/tools/answers.h"
#include "tests/text/chat/tools/tool_templates.h"
#include "tests/text/sampling/grammar_helpers.h"

namespace orrery::text {
namespace {

using Json = nlohmann::ordered_json;

const Json kThreeTools = Json::parse(R"([
  {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object",
     "properties": {"city": {"type": "string", "maxLength": 8}, "unit": {"$ref": "#/$defs/unit"}},
     "required": ["city", "unit"], "additionalProperties": false, "$defs": {"unit": {"enum": ["C", "F"]}}}}},
  {"type": "function", "function": {"name": "now"}},
  {"type": "function", "function": {"name": "add", "parameters": {
     "properties": {"a": {"type": "integer", "minimum": 0, "maximum": 99}}, "required": ["a"], "additionalProperties": false}}}])");

bool fits(const std::string& name, const Json& arguments) {
  if (name == "now") return arguments.empty();
  if (name == "add") return arguments.size() == 1 && arguments["a"].is_number_integer() && arguments["a"] <= 99;
  return name == "get_weather" && arguments.size() == 2 && arguments["city"].is_string() &&
         (arguments["unit"] == "C" || arguments["unit"] == "F");
}

// A tokenizer whose special tokens are the marks that models have as such.
ToyTokenizer tokenizer_of(const std::string& name) {
  const std::vector<std::string> specials = {"<end>",         "[TOOL_CALLS]",     "[ARGS]",
                                             "[CALL_ID]",     "<|START_ACTION|>", "<|END_ACTION|>",
                                             "<|tool_call|>", "<think>",          "</think>"};
  return tokenizer_with_template(name == "generic" ? "" : tool_templates().at(name), specials);
}

// What follows the grammar, drawn at random; with the text of the tokens that are marks.
std::string random_answer(Grammar grammar, const Tokenizer& tokenizer, std::mt19937& random) {
  std::string text;
  for (int step = 0; step < 2000; ++step) {
    if (grammar.must_end() || (grammar.may_end() && random() % 2 == 0)) return text;
    const auto allowed = allowed_tokens(grammar, tokenizer);
    auto token = random_allowed(allowed, *tokenizer.eos, random);
    if (!token) break;
    if (step > 300)
      for (char closing : {'}', ']', '"'})
        if (allowed[uint8_t(closing)]) token = uint8_t(closing);
    grammar.accept(*token);
    text += tokenizer.bytes(*token, true);
  }
  ADD_FAILURE() << "no end: " << text;
  return text;
}

TEST(ToolGrammar, ForcedAnswersAreCallsThatFitInEveryFormat) {
  std::mt19937 random(5);
  std::vector<std::string> formats = {"generic"};
  for (const auto& [name, source] : tool_templates()) formats.push_back(name);
  for (const std::string& name : formats) {
    const ToyTokenizer tokenizer = tokenizer_of(name);
    const ToolFormat format = find_tool_format(tokenizer);
    const auto trie = make_token_trie(tokenizer);
    for (const bool parallel : {true, false}) {
      size_t most = 0;
      for (const std::string function : {"", "now", "get_weather"}) {
        const ToolRequest request{
            .tools = kThreeTools, .choice = ToolRequest::Choice::kRequired, .function = function, .parallel = parallel};
        const std::string prompt = name == "functionary v3.2" && parallel ? "assistant>>>" : "";
        const auto gbnf = tool_grammar(format, request, tokenizer, std::nullopt, prompt);
        ASSERT_TRUE(gbnf);
        const Grammar grammar = Grammar::from_gbnf(*gbnf, trie);
        for (int run = 0; run < 12; ++run) {
          const std::string text = random_answer(grammar, tokenizer, random);
          const Reader reader{.format = format, .options = {.whole = true}, .prompt = prompt};
          const Answer answer = reader.read(std::vector<std::string_view>{text});
          EXPECT_EQ(answer.content, "") << name << ": " << text;
          EXPECT_GE(answer.calls.size(), 1u) << name << ": " << text;
          for (const AnswerCall& call : answer.calls) {
            EXPECT_TRUE(fits(call.name, Json::parse(call.arguments))) << name << ": " << text;
            EXPECT_TRUE(function.empty() || call.name == function) << name << ": " << text;
          }
          most = std::max(most, answer.calls.size());
        }
      }
      EXPECT_EQ(most > 1, parallel && format.parallel) << name;
    }
  }
}

TEST(ToolGrammar, CallsAreNotDemandedWithoutEnd) {
  for (const std::string name : {"hermes", "tool_call list", "deepseek"}) {
    const ToyTokenizer tokenizer = tokenizer_of(name);
    const ToolFormat format = find_tool_format(tokenizer);
    const ToolRequest request{.tools = kThreeTools, .choice = ToolRequest::Choice::kRequired, .function = "now"};
    const auto trie = make_token_trie(tokenizer);
    const auto takes = [&](int count) {
      Json calls = Json::array();
      for (int i = 0; i < count; ++i)
        calls.push_back(Json::parse(R"({"function": {"name": "now", "arguments": "{}"}})"));
      std::mt19937 random(1);
      return accepts(Grammar::from_gbnf(*tool_grammar(format, request, tokenizer), trie), tokenizer,
                     text_of_calls(format, calls), random);
    };
    EXPECT_TRUE(takes(1)) << name;
    EXPECT_TRUE(takes(kMostCalls)) << name;
    EXPECT_FALSE(takes(kMostCalls + 1)) << name;
  }
}

TEST(ToolGrammar, NamedFunctionsMarksAreTokensWhereTheyAreSpecial) {
  const ToyTokenizer tokenizer = tokenizer_of("mistral names");
  const ToolRequest request{.tools = kThreeTools, .choice = ToolRequest::Choice::kRequired, .function = "now"};
  const auto gbnf = tool_grammar(find_tool_format(tokenizer), request, tokenizer);
  Grammar grammar = Grammar::from_gbnf(*gbnf, make_token_trie(tokenizer));
  EXPECT_FALSE(accepted(grammar, '['));
  EXPECT_TRUE(accepted(grammar, *tokenizer.find("[TOOL_CALLS]")));
  for (char c : std::string("now")) EXPECT_TRUE(accepted(grammar, c));
  EXPECT_FALSE(accepted(grammar, '['));
  EXPECT_TRUE(accepted(grammar, *tokenizer.find("[CALL_ID]")));
  EXPECT_EQ(gbnf->find("get_weather"), gbnf->npos);
}

TEST(ToolGrammar, AThoughtMayComeFirstAndMustBeClosedWhereThePromptOpensIt) {
  const ReasoningMarks marks{"<think>", "</think>"};
  const ToolRequest request{.tools = kThreeTools, .choice = ToolRequest::Choice::kRequired, .function = "now"};
  const std::string call = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
  std::mt19937 random(1);
  const ToyTokenizer plain = tokenizer_with_template(tool_templates().at("hermes"));
  const ToolFormat format = find_tool_format(plain);
  const auto grammar = [&](std::string_view prompt) {
    return Grammar::from_gbnf(*tool_grammar(format, request, plain, marks, prompt), make_token_trie(plain));
  };
  EXPECT_TRUE(accepts(grammar(""), plain, call, random));
  EXPECT_TRUE(accepts(grammar(""), plain, "<think>\nSo, 1 < 2.\n</think>\n\n" + call, random));
  EXPECT_FALSE(accepts(grammar(""), plain, "<think>\nSo", random));
  EXPECT_FALSE(accepts(grammar(""), plain, "So.</think>" + call, random));
  EXPECT_TRUE(accepts(grammar("<think>\n"), plain, "So.</think>\n" + call, random));
  EXPECT_FALSE(accepts(grammar("<think>\n"), plain, call, random));
  // The mark as a token.
  const ToyTokenizer tokenizer = tokenizer_of("hermes");
  Grammar special =
      Grammar::from_gbnf(*tool_grammar(format, request, tokenizer, marks, "<think>"), make_token_trie(tokenizer));
  for (char c : std::string("a </b> {")) EXPECT_TRUE(accepted(special, c));
  EXPECT_FALSE(accepted(special, *tokenizer.eos));
  EXPECT_TRUE(accepted(special, *tokenizer.find("</think>")));
  EXPECT_FALSE(accepted(special, 'a'));
}

TEST(ToolGrammar, AutoIsFreeButForStrictFunctions) {
  const ToyTokenizer tokenizer = tokenizer_of("mistral");
  const ToolFormat format = find_tool_format(tokenizer);
  ToolRequest request{.tools = kThreeTools, .choice = ToolRequest::Choice::kAuto};
  EXPECT_FALSE(tool_grammar(format, request, tokenizer));
  EXPECT_FALSE(tool_grammar(format, {.tools = kThreeTools, .choice = ToolRequest::Choice::kNone}, tokenizer));

  request.tools[2]["function"]["strict"] = true;
  Grammar grammar = Grammar::from_gbnf(*tool_grammar(format, request, tokenizer), make_token_trie(tokenizer));
  const auto takes = [](Grammar& from, std::string_view text) {
    return std::all_of(text.begin(), text.end(), [&](char c) { return accepted(from, uint8_t(c)); });
  };
  EXPECT_TRUE(grammar.may_end());
  EXPECT_TRUE(takes(grammar, "Let me [TOOL"));
  EXPECT_TRUE(grammar.may_end());
  EXPECT_TRUE(accepted(grammar, *tokenizer.find("[TOOL_CALLS]")));
  EXPECT_FALSE(grammar.may_end());
  EXPECT_FALSE(accepted(grammar, *tokenizer.eos));
  Grammar other = grammar;
  EXPECT_TRUE(takes(grammar, "[{\"name\": \"add\", \"arguments\": {\"a\": "));
  EXPECT_FALSE(takes(grammar, "true"));
  EXPECT_TRUE(takes(other, "[{\"name\": \"get_weather\", \"arguments\": {\"a\": true}, \"id\": \"abcdefghi\"}]"));
  EXPECT_TRUE(other.may_end());

  // No one token begins a call.
  for (const char* name : {"hermes", "llama 3"}) {
    try {
      tool_grammar(format_named(name), request, tokenizer_of(name));
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.parts().where, "tools[2].function.strict");
    }
  }
}

TEST(ToolGrammar, SchemasThatAreNotSupportedAreNamed) {
  ToolRequest request{.tools = kThreeTools, .choice = ToolRequest::Choice::kRequired};
  request.tools[0]["function"]["parameters"]["properties"]["city"]["contentEncoding"] = "base64";
  try {
    tool_grammar(format_named("hermes"), request, tokenizer_of("hermes"));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_TRUE(error.parts().where.starts_with("tools[0].function.parameters: ")) << error.what();
    EXPECT_NE(error.parts().where.find("#/properties/city/contentEncoding"), std::string::npos) << error.what();
  }
  request.function = "now";
  EXPECT_NO_THROW(tool_grammar(format_named("hermes"), request, tokenizer_of("hermes")));
}

TEST(RenameRules, LeavesLiteralsClassesTokensAndCountsAlone) {
  EXPECT_EQ(renamed_rules("root ::= \"a\\\"b\" [c\\]d] e-1{2,33} <f> !<[4]> (g | h)? .\n", "p-"),
            "p-root ::= \"a\\\"b\" [c\\]d] p-e-1{2,33} <f> !<[4]> (p-g | p-h)? .\n");
  EXPECT_EQ(renamed_rules("a ::= \"x", "p-"), "p-a ::= \"x");
}

// The program's own default model, which was never taught to call anything.
TEST(ToolGrammar, SmolLm2CallsWhatItIsMadeToCall) {
  const char* home = std::getenv("HOME");
  const auto path = std::filesystem::path(home ? home : "") / ".cache/orrery/models/SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no " << path.filename() << " in ~/.cache/orrery/models";
  const auto model = Checkpoint::open(path);
  const Tokenizer& tokenizer = model->tokenizer();
  const Chat chat(tokenizer);
  const ToolFormat format = find_tool_format(tokenizer);
  EXPECT_EQ(format.name, "generic");
  EXPECT_TRUE(takes_system_messages(chat));
  const ToolRequest request{
      .tools = kThreeTools, .choice = ToolRequest::Choice::kRequired, .function = "get_weather", .parallel = false};
  const Json messages = Json::parse(R"([{"role": "user", "content": "What is the weather in Paris, in Celsius?"}])");
  const auto [converted, tools] = tool_messages(messages, request.shown(), format, true);
  const std::string prompt = chat.prompt(converted, tools, true, nullptr);
  Engine engine(model, {.threads = 2, .context = 1024});
  Request asked;
  asked.prompt = tokenizer.encode(prompt);
  asked.sampling.temperature = 0;
  asked.max_tokens = 200;
  asked.grammar = std::make_shared<Grammar>(
      Grammar::from_gbnf(*tool_grammar(format, request, tokenizer), make_token_trie(tokenizer)));
  Stream stream = engine.submit(std::move(asked));
  ToolCallParser parser(format, find_reasoning_marks(tokenizer), {.names = request.names()}, prompt);
  Answer answer;
  for (StreamEvent event; stream.next(event);) answer.add(parser.push(event.text));
  answer.add(parser.finish());
  EXPECT_EQ(answer.content, "");
  ASSERT_EQ(answer.calls.size(), 1u) << answer;
  EXPECT_TRUE(answer.calls[0].complete);
  EXPECT_TRUE(fits(answer.calls[0].name, Json::parse(answer.calls[0].arguments))) << answer;
}

}  // namespace
}  // namespace orrery::text
