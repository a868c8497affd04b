#include "orrery/text/chat/tools/tool_call_parser.h"

#include <gtest/gtest.h>

#include "tests/text/chat/tools/answers.h"
#include "tests/text/chat/tools/tool_templates.h"

namespace orrery::text {
namespace {

using Calls = std::vector<std::pair<std::string, std::string>>;

Calls calls_of(const Answer& answer) {
  Calls calls;
  for (const AnswerCall& call : answer.calls) {
    calls.emplace_back(call.name, call.arguments);
    EXPECT_TRUE(call.complete) << answer;
  }
  return calls;
}

Answer read(const std::string& format, std::string_view text, ToolCallParser::Options options = {}) {
  const Answer streamed = Reader{.format = format_named(format), .options = options}.read(text);
  options.whole = true;
  const Answer whole = Reader{.format = format_named(format), .options = options}.read(text);
  const bool complete = std::all_of(streamed.calls.begin(), streamed.calls.end(), [](auto& c) { return c.complete; });
  if (complete) {
    EXPECT_EQ(streamed.content, whole.content) << text;
    EXPECT_EQ(streamed.calls, whole.calls) << text;
  }
  return streamed;
}

struct Written {
  std::string format, text;
  std::string content = {};
  Calls calls = {{"f", R"({"a": 1})"}, {"g", "{}"}};
};

class EveryFormat : public testing::TestWithParam<Written> {};

TEST_P(EveryFormat, IsReadAtEverySplit) {
  const Written& written = GetParam();
  Reader reader{.format = format_named(written.format)};
  for (const bool whole : {false, true}) {
    reader.options.whole = whole;
    const Answer answer = reader.read(std::string_view(written.text));
    EXPECT_EQ(answer.content, written.content);
    EXPECT_EQ(answer.reasoning, "");
    EXPECT_EQ(calls_of(answer), written.calls) << answer;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Parser, EveryFormat,
    testing::Values(
        Written{"hermes",
                "I look.\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>\n<tool_call>\n"
                "{\"name\": \"g\", \"arguments\": {}}\n</tool_call>\n",
                "I look."},
        Written{"hermes", R"(<tool_call>{"arguments":{"a": 1},"name":"f"}{"name":"g"}</tool_call>)"},
        Written{"hermes", R"(<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call><tool_call>{"name": "g"})"},
        Written{"hermes",
                R"(<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call> Done. < 3 <tool)",
                " Done. < 3 <tool",
                {{"f", R"({"a": 1})"}}},
        Written{"generic", R"(<tool_call>{"type": "function", "id": [1.5, null], "name": "f", "parameters": {"a": 1}}
                              </tool_call><tool_call>[{"name": "g", "arguments": {}}]</tool_call>)"},
        Written{"tool_call list",
                "<tool_call>[\n{\"name\": \"f\", \"arguments\": {\"a\": 1}},\n{\"name\": \"g\", \"arguments\": {}}\n]"
                "</tool_call>"},
        Written{"llama 3", R"({"name": "f", "parameters": {"a": 1}}; {"type": "function", "name": "g"})"},
        Written{"llama 3", "<|python_tag|>{\"name\": \"f\", \"parameters\": {\"a\": 1}}\n{\"name\": \"g\"}"},
        Written{"llama 3", R"(Say {"name": "f", "parameters": {}})", R"(Say {"name": "f", "parameters": {}})", {}},
        Written{"mistral", R"([TOOL_CALLS] [{"name": "f", "arguments": {"a": 1}, "id": "abcdefghi"}, {"name": "g",
                              "arguments": {}, "id": "012345678"}])"},
        Written{"mistral names", R"(On it.[TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]{"a": 1}[TOOL_CALLS]g[ARGS]{})",
                "On it."},
        Written{"deepseek",
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": 1}\n```"
                "<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜>"
                "<｜tool▁calls▁end｜>"},
        Written{"deepseek v3.1",
                "Ｈｍ <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>"
                "<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                "Ｈｍ"},
        // The mark around all calls left out, and not closed.
        Written{"deepseek v3.1",
                "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>"
                "<｜tool▁call▁begin｜>g<｜tool▁sep｜>{}<｜tool▁call▁e"},
        Written{"functionary v3.1", R"(<function=f>{"a": 1}</function><function=g>{}</function>)"},
        Written{"functionary v3.2", ">>>all\nHi >> there\n>>>f\n{\"a\": 1}>>>g\n{}", "Hi >> there"},
        Written{"command r7b", R"(<|START_ACTION|>[
                 {"tool_call_id": "0", "tool_name": "f", "parameters": {"a": 1}},
                 {"tool_call_id": "1", "tool_name": "g", "parameters": {}}
                ]<|END_ACTION|>)"},
        Written{"command r+",
                "Action:\n```json\n[\n{\"tool_name\": \"f\", \"parameters\": {\"a\": 1}},"
                "{\"tool_name\": \"g\", \"parameters\": {}}\n]```\n"},
        Written{"granite 3",
                R"(<|tool_call|>[{"name": "f", "arguments": {"a": 1}}, {"name": "g", "arguments": {}}])"}));

// However a format writes several calls, nothing of the second one is read, nor is it content.
TEST_P(EveryFormat, EndsBehindTheFirstCallWhereThereMayBeOne) {
  const Written& written = GetParam();
  Calls first = written.calls;
  if (first.size() > 1) first.resize(1);
  const Reader reader{.format = format_named(written.format), .options = {.single = true}};
  const Answer answer = reader.read(std::string_view(written.text));
  EXPECT_EQ(calls_of(answer), first) << answer;
  if (!first.empty()) EXPECT_EQ(answer.content, written.content.substr(0, written.content.find(" Done")));
  ToolCallParser parser(format_named(written.format), std::nullopt, {.single = true});
  parser.push(written.text);
  EXPECT_EQ(parser.over(), !first.empty());
}

TEST(ToolCallParser, FunctionaryAnswersGoOnFromTheMarkInThePrompt) {
  const Reader reader{.format = format_named("functionary v3.2"), .prompt = "<|/h|>>>>"};
  EXPECT_EQ(calls_of(reader.read("f\n{}>>>g\n{\"a\": 1}")), (Calls{{"f", "{}"}, {"g", R"({"a": 1})"}}));
  EXPECT_EQ(reader.read("all\nHi.").content, "Hi.");
  EXPECT_EQ(reader.read("Hi there.").content, "Hi there.");  // it forgot to say to whom
}

// Whatever is no call is content, to the last byte.
TEST(ToolCallParser, MalformedCallsAreContent) {
  const std::pair<const char*, const char*> cases[] = {
      {"hermes", "a <tool_call>\nhello</tool_call> b"},
      {"hermes", "<tool_call>{\"name\": \"f\"</tool_call>"},
      {"hermes", "<tool_call>{\"nam\": \"f\", \"arguments\": {}}</tool_call>"},
      {"hermes", "<tool_call>{\"name\": \"f\", \"arguments\": \"x\"}</tool_call>"},
      {"hermes", "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>"},
      {"hermes", "<tool_call>{\"name\": 5, \"arguments\": {}}</tool_call>"},
      {"hermes", "<tool_call>{\"name\": \"two words\", \"arguments\": {}}</tool_call>"},
      {"hermes", "<tool_call>{\"name\": \"\", \"arguments\": {}}</tool_call>"},
      {"hermes", "<tool_call>{\"arguments\": {\"a\": 01}, \"name\": \"f\"}</tool_call>"},
      {"hermes", "<tool_call>{}</tool_call>"},
      {"hermes", "<tool_call>[]</tool_call>"},
      {"hermes", "<tool_call>[[{\"name\": \"f\"}]]</tool_call>"},
      {"hermes", "<tool_call>  \n"},
      {"hermes", "<tool_call>{\"name\": \"f\", \"argu"},
      {"hermes", "a < b, <tool_, <<tool_cal </tool_call>, </think> and <think>x</think>"},
      {"hermes", "  \n leading, and trailing \n "},
      {"llama 3", "{\"answer\": 42}"},
      {"llama 3", "<|python_tag|>search.call(query=\"x\")"},
      {"mistral", "[TOOL_CALLS]f{}"},
      {"mistral names", "[TOOL_CALLS]f [ARGS]{}"},
      {"mistral names", "[TOOL_CALLS][ARGS]{}"},
      {"mistral names", "[TOOL_CALLS]f[ARGS]5"},
      {"mistral names", "[TOOL_CALLS]f[CALL_ID]!"},
      {"deepseek", "<｜tool▁calls▁begin｜>none<｜tool▁calls▁end｜>"},
      {"functionary v3.2", ">>> print(1)\n1\n>>>"},
      {"functionary v3.1", "<function=f>(1)</function>"},
      {"command r+", "Action:\n```python\n1\n```"},
  };
  for (const auto& [format, text] : cases) {
    const Answer answer = read(format, text, {.names = {"f"}});
    EXPECT_EQ(answer.content, text) << format;
    EXPECT_TRUE(answer.calls.empty()) << format << ": " << answer;
  }
}

TEST(ToolCallParser, ACallAfterAMalformedOneIsRead) {
  for (const char* broken : {"<tool_call>", "<tool_call>{\"name\": ", "<tool_call>{\"name\": \"g\", \"x\": tru",
                             "<tool_", "<tool_call>{\"arguments\": {"}) {
    const Answer answer = read("hermes", std::string(broken) + "<tool_call>{\"name\": \"f\"}</tool_call>");
    EXPECT_EQ(answer.content, broken);
    EXPECT_EQ(calls_of(answer), (Calls{{"f", "{}"}}));
  }
  // The mark that was expected and the one that came begin alike.
  const Answer answer =
      read("deepseek v3.1", "<｜tool▁calls▁begin｜><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}");
  EXPECT_EQ(answer.content, "<｜tool▁calls▁begin｜>");
  EXPECT_EQ(calls_of(answer), (Calls{{"f", "{}"}}));
}

TEST(ToolCallParser, ArgumentsThatBreakOffEndTheCall) {
  const std::string begin = R"(So: <tool_call>{"name": "f", "arguments": {"a": 1)";
  for (const char* rest : {"", ", oops}}</tool_call> b", "]"}) {
    Reader reader{.format = format_named("hermes")};
    const Answer answer = reader.read(std::string_view(begin + rest));
    ASSERT_EQ(answer.calls.size(), 1u);
    EXPECT_FALSE(answer.calls[0].complete);
    EXPECT_TRUE(answer.calls[0].arguments.starts_with(R"({"a": 1)"));
    EXPECT_EQ(answer.content + "|" + answer.calls[0].arguments,
              *rest == ',' ? "So:oops}}</tool_call> b|{\"a\": 1, " : "So:" + std::string(rest) + "|{\"a\": 1");
    // Kept back until it is complete, it is content.
    reader.options.whole = true;
    EXPECT_EQ(reader.read(std::string_view(begin + rest)).content, begin + rest);
  }
}

TEST(ToolCallParser, CompleteCallsStandWhateverFollows) {
  EXPECT_EQ(read("hermes", "<tool_call>[{\"name\": \"f\"}, {\"nam").content, ", {\"nam");
  EXPECT_EQ(read("hermes", "<tool_call>{\"name\": \"f\"}\n</tool_cat>").content, "\n</tool_cat>");
  EXPECT_EQ(read("hermes", "<tool_call>{\"name\": \"f\"}\n</tool_ca").content, "");
  EXPECT_EQ(read("mistral", "[TOOL_CALLS][{\"name\": \"f\"} x").content, " x");
  EXPECT_EQ(read("llama 3", "{\"name\": \"f\"}\nIt rains.").content, "\nIt rains.");
  EXPECT_EQ(read("functionary v3.1", "<function=f>{}</fun>").content, "</fun>");
  EXPECT_EQ(read("deepseek v3.1", "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜>\nSo").content, "\nSo");
}

TEST(ToolCallParser, BareObjectsAreCallsOfKnownToolsOnly) {
  const std::string text = R"({"name": "Bob", "parameters": {}})";
  EXPECT_EQ(read("llama 3", text, {.names = {"f"}}).content, text);
  EXPECT_EQ(calls_of(read("llama 3", text, {.names = {"f", "Bob"}})), (Calls{{"Bob", "{}"}}));
  EXPECT_EQ(calls_of(read("llama 3", "<|python_tag|>" + text, {.names = {"f"}})), (Calls{{"Bob", "{}"}}));
}

TEST(ToolCallParser, WithoutToolsNothingIsACall) {
  const std::string text = "<tool_call>{\"name\": \"f\"}</tool_call>";
  EXPECT_EQ(read("hermes", text, {.tools = false}).content, text);
  EXPECT_EQ(read("llama 3", "{\"name\": \"f\"}", {.tools = false}).content, "{\"name\": \"f\"}");
  EXPECT_EQ(read("hermes", "<think>a</think>b", {.tools = false}), (Answer{"b", "a", {}}));
}

TEST(ToolCallParser, ThoughtsComeFirst) {
  EXPECT_EQ(read("hermes", "\n<think>\nLet me see: a < b.\n</think>\n\nYes. <think>no</think>"),
            (Answer{"Yes. <think>no</think>", "Let me see: a < b.", {}}));
  EXPECT_EQ(read("hermes", "<think>\n\n</think>\n\nYes."), (Answer{"Yes.", "", {}}));
  EXPECT_EQ(read("hermes", "<think>cut </thi"), (Answer{"", "cut </thi", {}}));
  EXPECT_EQ(read("hermes", "<think></think>"), (Answer{}));
  const Answer twice = read("hermes",
                            "<think>a <tool_call></think><tool_call>{\"name\": \"f\"}</tool_call>\n<think>b"
                            "</think>c");
  EXPECT_EQ(twice.reasoning, "a <tool_call>b");
  EXPECT_EQ(twice.content, "c");
  EXPECT_EQ(calls_of(twice), (Calls{{"f", "{}"}}));
  Reader reader{.format = format_named("hermes"), .prompt = "<|im_start|>assistant\n<think>\n"};
  EXPECT_EQ(reader.read("\nI think.\n</think>\nI am."), (Answer{"I am.", "I think.", {}}));
  reader.reasoning = std::nullopt;
  EXPECT_EQ(reader.read("<think>a</think>b").content, "<think>a</think>b");
}

TEST(ToolCallParser, HoldsBackOnlyWhatMayBeAMark) {
  ToolCallParser parser(format_named("hermes"), ReasoningMarks{"<think>", "</think>"}, {});
  const auto text_after = [&](std::string_view piece) {
    Answer answer;
    answer.add(parser.push(piece));
    return answer;
  };
  EXPECT_EQ(text_after("a").content, "a");
  EXPECT_EQ(text_after(" b").content, " b");
  EXPECT_EQ(text_after("c ").content, "c");
  EXPECT_EQ(text_after("<").content, "");
  EXPECT_EQ(text_after("tool_cal").content, "");
  EXPECT_EQ(text_after("f").content, " <tool_calf");
  EXPECT_TRUE(parser.push("<tool_call>{\"name\": \"f\", \"arguments\": ").empty());
  const auto events = parser.push("{\"x");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].name, "f");
  EXPECT_EQ(events[1].text, "{\"x");
  EXPECT_EQ(parser.push("\": 1").front().text, "\": 1");
}

TEST(ToolCallParser, IdsAreDrawnFromTheSeedOrGivenByTheModel) {
  const std::string two = "<tool_call>{\"name\": \"f\"}{\"name\": \"f\"}</tool_call>";
  const Answer a = read("hermes", two, {.seed = 1}), b = read("hermes", two, {.seed = 2});
  ASSERT_EQ(a.calls.size(), 2u);
  EXPECT_EQ(a.calls[0].id.size(), 29u);
  EXPECT_TRUE(a.calls[0].id.starts_with("call_"));
  EXPECT_NE(a.calls[0].id, a.calls[1].id);
  EXPECT_NE(a.calls[0].id, b.calls[0].id);
  EXPECT_EQ(a, read("hermes", two, {.seed = 1}));
  EXPECT_EQ(read("mistral", "[TOOL_CALLS][{\"name\": \"f\"}]").calls.at(0).id.size(), 9u);
  EXPECT_EQ(read("mistral names", "[TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]{}").calls.at(0).id, "abcdefghi");
}

// Random texts of marks, JSON and what looks like them: the same at every split, and nothing of it is lost.
TEST(ToolCallParser, RandomTextsAreTheSameInEveryCut) {
  std::mt19937 random(3);
  for (const auto& [name, source] : tool_templates()) {
    const ToolFormat format = format_named(name);
    std::vector<std::string> parts = {"{\"name\": \"f\", \"arguments\": {\"a\": \"x\"}}",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      ",",
                                      " ",
                                      "\n",
                                      "f",
                                      "{\"tool_name\": \"g\"",
                                      "\"",
                                      "word ",
                                      "<think>",
                                      "</think>",
                                      "1"};
    for (std::string_view mark : format.marks()) {
      parts.emplace_back(mark);
      parts.emplace_back(mark.substr(0, mark.size() / 2));
    }
    for (int run = 0; run < 60; ++run) {
      std::string text;
      for (int i = 0; i < 12; ++i) text += parts[random() % parts.size()];
      Reader reader{.format = format};
      reader.read(std::string_view(text));
      reader.options.whole = true;
      const Answer whole = reader.read(std::string_view(text));
      for (const AnswerCall& call : whole.calls) {
        EXPECT_TRUE(call.complete);
        EXPECT_TRUE(nlohmann::json::parse(call.arguments).is_object());
      }
      size_t words = 0, kept = 0;
      for (size_t at = 0; (at = text.find("word", at)) != text.npos; ++at) ++words;
      std::string out = whole.content + whole.reasoning;
      for (const AnswerCall& call : whole.calls) out += call.name + call.arguments;
      for (size_t at = 0; (at = out.find("word", at)) != out.npos; ++at) ++kept;
      EXPECT_EQ(kept, words) << name << ": " << text << "\n" << whole;
    }
  }
}

TEST(ToolCallParser, HostileTextsEndSoon) {
  const auto repeat = [](std::string_view text, size_t times) {
    std::string out;
    for (size_t i = 0; i < times; ++i) out += text;
    return out;
  };
  const size_t n = 200'000;
  for (const std::string& text :
       {repeat("<tool_call>", n), repeat("<tool_call>{\"a\":", n), repeat("<", n), repeat(" ", n),
        "<tool_call>" + repeat("[", n), "<tool_call>{\"name\":\"f\",\"arguments\":" + repeat("{\"a\":", n),
        "<tool_call>{\"name\":\"" + repeat("f", n) + "\"}", "<tool_call>{\"arguments\":{\"a\":\"" + repeat("\\\\", n),
        "<tool_call>" + repeat("{\"name\":\"f\"}", n) + "</tool_call>", repeat("<tool_call", n)}) {
    for (const bool whole : {false, true}) {
      const Reader reader{.format = format_named("hermes"), .options = {.whole = whole}};
      const Answer answer = reader.read(std::vector<std::string_view>{text});
      EXPECT_TRUE(!answer.calls.empty() || answer.content == text) << text.substr(0, 40);
    }
  }
}

}  // namespace
}  // namespace orrery::text
