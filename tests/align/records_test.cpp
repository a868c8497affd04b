#include "orrery/align/records.h"

#include <gtest/gtest.h>

#include "orrery/align/learned_tokens.h"
#include "tests/align/support.h"

namespace orrery::align {
namespace {
namespace fs = std::filesystem;

Records read(const std::string& text) { return read_records(File(text).path); }

TEST(Records, OfEveryFormArePutIntoOne) {
  const Records all = read(R"({"text": "Once."}
{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}], "tools": "[{\"name\": \"add\"}]"}
{"prompt": "1+1=", "completion": "2"}

{"prompt": [{"role": "user", "content": "1+1?"}], "completion": [{"role": "assistant", "content": "2"}]}
{"instruction": "Add.", "input": "1 1", "output": "2", "system": "Be brief.", "history": [["Hi", "Hello"]]}
{"conversations": [{"from": "human", "value": "Add"}, {"from": "function_call", "value": "{\"name\": \"add\", \"arguments\": {\"a\": 1}}"}, {"from": "observation", "value": "2"}, {"from": "gpt", "value": "It is 2."}], "system": "S"})");
  ASSERT_TRUE(all.bad.empty()) << all.bad[0].reason;
  ASSERT_EQ(all.records.size(), 6u);
  EXPECT_TRUE(all.records[0].whole_text);
  EXPECT_EQ(all.records[1].tools.dump(), R"([{"type":"function","function":{"name":"add"}}])");
  EXPECT_EQ(all.records[2].text + "|" + all.records[2].completion, "1+1=|2");
  EXPECT_EQ(all.records[3].place, 5);
  EXPECT_EQ(all.records[3].messages.size(), 2u);
  EXPECT_EQ(
      all.records[4].messages.dump(),
      R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},)"
      R"({"role":"user","content":"Add.\n1 1"},{"role":"assistant","content":"2"}])");
  EXPECT_EQ(all.records[5].messages[2]["tool_calls"].dump(),
            R"([{"type":"function","function":{"name":"add","arguments":{"a":1}}}])");
  EXPECT_EQ(all.records[5].messages[3]["role"], "tool");
}

TEST(Records, BadRowsAreListedWithTheirReasons) {
  const std::string text = R"({"text": "good"}
{"text": 3}
nonsense
[1]
{"messages": [{"role": "user", "content": "x"}]}
{"messages": [{"role": "user"}, {"role": "assistant", "content": "y"}]}
{"prompt": "a", "completion": []}
{"prompt": "a", "completion": ""}
{"instruction": "a"}
{"conversations": [{"from": "alien", "value": "x"}]}
{"question": "x"})";
  const File file(text);
  const Records all = read_records(file.path);
  EXPECT_EQ(all.records.size(), 1u);
  expect_bad(all.bad, {{2, "text is number"},
                       {3, "no JSON"},
                       {4, "it is array, expected an object"},
                       {5, "nothing to learn"},
                       {6, "messages[0]"},
                       {7, "of one kind"},
                       {8, "nothing to learn"},
                       {9, "output is missing"},
                       {10, "\"alien\""},
                       {11, "none of messages"}});
  refuse_bad_rows(all, file.path, true);
  try {
    refuse_bad_rows(all, file.path, false);
    FAIL();
  } catch (const Error& error) {
    for (const char* part : {"10 of 11", "row 2:", "--skip-bad", ".jsonl"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
  EXPECT_THROW(refuse_bad_rows(Records(), file.path, true), Error);
  EXPECT_THROW(read("[{\"text\": "), Error);
}

TEST(Records, RealDataIsReadWhole) {
  if (!fs::exists(kShared)) GTEST_SKIP() << "needs ../shared/data";
  for (const auto& [name, count] : {std::pair("instruct/alpaca_en_demo.json", 999u),
                                    {"instruct/alpaca_zh_demo.json", 1000u},
                                    {"instruct/glaive_toolcall_en_demo.json", 300u},
                                    {"instruct/identity.json", 91u},
                                    {"preference/dpo_en_demo.json", 300u},
                                    {"preference/dpo_zh_demo.json", 300u},
                                    {"preference/kto_en_demo.json", 300u}}) {
    const Records all = read_records(kShared / name);
    EXPECT_EQ(all.records.size() + all.bad.size(), count) << name;
    EXPECT_TRUE(all.bad.empty()) << name << ", row " << all.bad[0].place << ": " << all.bad[0].reason;
  }
}

class Learned : public WithSmolLm2 {
 protected:
  /// The text of what is learned; a bar between runs.
  std::string learned(const std::string& row) {
    const LearnedTokens tokens = learned_tokens(read(row).records.at(0), tokenizer(), chat());
    std::string text;
    for (size_t i = 0; i < tokens.tokens.size(); ++i) {
      if (tokens.learned[i]) text += text_of({tokens.tokens[i]});
      if (!tokens.learned[i] && !text.empty() && text.back() != '|') text += '|';
    }
    return text;
  }
};

TEST_F(Learned, AreTheAssistantsTurns) {
  EXPECT_EQ(learned(R"({"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2."}, )"
                    R"({"role": "user", "content": "And 2+2?"}, {"role": "assistant", "content": "\n4, not 5"}]})"),
            "2.<|im_end|>|4, not 5<|im_end|>|");  // the line's end is one token with the template's before it
}

TEST_F(Learned, AreACompletionAndItsEnd) {
  EXPECT_EQ(learned(R"({"prompt": "The sum is", "completion": " two"})"), " two<|im_end|>");
  EXPECT_EQ(learned(R"({"text": "All of it"})"), "All of it<|im_end|>");
  EXPECT_EQ(learned(R"({"prompt": "The sum is ", "completion": "two"})"), " two<|im_end|>");  // one token of both
  EXPECT_EQ(learned(R"({"prompt": "The sum is", "completion": " two<|im_end|>"})"), " two<|im_end|>");  // ends already
}

TEST_F(Learned, AreOnlyWhatFollowsAPrompt) {
  const std::string prompt = R"([{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2."}, )"
                             R"({"role": "user", "content": "And 2+2?"}])";
  EXPECT_EQ(learned(R"({"prompt": )" + prompt + R"(, "completion": [{"role": "assistant", "content": "4."}]})"),
            "4.<|im_end|>|");
  EXPECT_EQ(learned(R"({"prompt": )" + prompt + R"(, "chosen": "4.", "rejected": "5."})"), "4.<|im_end|>|");
  EXPECT_EQ(learned(R"({"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: No"})"),
            "Hello<|im_end|>|");
}

TEST_F(Learned, RecordsOfRealDataHaveSome) {
  if (!fs::exists(kShared)) GTEST_SKIP() << "needs ../shared/data";
  const Records all = read_records(kShared / "instruct/alpaca_zh_demo.json");
  for (size_t i = 0; i < all.records.size(); i += 50) {
    const LearnedTokens tokens = learned_tokens(all.records[i], tokenizer(), chat());
    std::string text;
    for (size_t t = 0; t < tokens.tokens.size(); ++t)
      if (tokens.learned[t]) text += tokenizer().bytes(tokens.tokens[t], true);
    EXPECT_EQ(text, std::string(all.records[i].messages.back()["content"]) + "<|im_end|>") << i;
  }
}

}  // namespace
}  // namespace orrery::align
