#include "orrery/align/records.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "orrery/align/learned_tokens.h"
#include "orrery/base/error.h"
#include "orrery/text/checkpoint.h"

namespace orrery::align {
namespace {
namespace fs = std::filesystem;

const fs::path kShared = fs::path(ORRERY_SOURCE_DIR).parent_path() / "shared" / "data";

struct File {
  explicit File(const std::string& text)
      : path(fs::path(testing::TempDir()) / ("records-" + std::to_string(getpid()) + ".jsonl")) {
    std::ofstream(path) << text;
  }
  ~File() { fs::remove(path); }
  const fs::path path;
};

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
  const std::pair<int64_t, const char*> expected[] = {
      {2, "text is number"},   {3, "no JSON"},           {4, "array"},
      {5, "nothing to learn"}, {6, "messages[0]"},       {7, "of one kind"},
      {8, "nothing to learn"}, {9, "output is missing"}, {10, "\"alien\""},
      {11, "none of messages"}};
  ASSERT_EQ(all.bad.size(), std::size(expected));
  for (size_t i = 0; i < all.bad.size(); ++i) {
    EXPECT_EQ(all.bad[i].place, expected[i].first);
    EXPECT_NE(all.bad[i].reason.find(expected[i].second), std::string::npos) << all.bad[i].reason;
  }
  refuse_bad_rows(all, file.path, true);
  try {
    refuse_bad_rows(all, file.path, false);
    FAIL();
  } catch (const Error& error) {
    for (const char* part : {"10 of 11", "row 2:", "--skip-bad", ".jsonl"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
  EXPECT_THROW(refuse_bad_rows({}, file.path, true), Error);
  EXPECT_THROW(read("[{\"text\": "), Error);
}

TEST(Records, RealDataIsReadWhole) {
  if (!fs::exists(kShared)) GTEST_SKIP() << "needs ../shared/data";
  for (const auto& [name, count] : {std::pair("instruct/alpaca_en_demo.json", 999u),
                                    {"instruct/alpaca_zh_demo.json", 1000u},
                                    {"instruct/glaive_toolcall_en_demo.json", 300u},
                                    {"instruct/identity.json", 91u}}) {
    const Records all = read_records(kShared / name);
    EXPECT_EQ(all.records.size() + all.bad.size(), count) << name;
    EXPECT_TRUE(all.bad.empty()) << name << ", row " << all.bad[0].place << ": " << all.bad[0].reason;
  }
}

class Learned : public testing::Test {
 protected:
  void SetUp() override {
    try {
      checkpoint_ = text::Checkpoint::open("smollm2");
    } catch (const Error&) {
      GTEST_SKIP() << "needs the model smollm2 in the cache";
    }
  }
  /// The text of what is learned; a bar between runs.
  std::string learned(const std::string& row) {
    const text::Chat chat(checkpoint_->tokenizer());
    const LearnedTokens tokens = learned_tokens(read(row).records.at(0), checkpoint_->tokenizer(), chat);
    std::string text;
    for (size_t i = 0; i < tokens.tokens.size(); ++i) {
      if (tokens.learned[i]) text += checkpoint_->tokenizer().decode({&tokens.tokens[i], 1}, true);
      if (!tokens.learned[i] && !text.empty() && text.back() != '|') text += '|';
    }
    return text;
  }
  std::shared_ptr<const text::Checkpoint> checkpoint_;
};

TEST_F(Learned, AreTheAssistantsTurns) {
  EXPECT_EQ(learned(R"({"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2."}, )"
                    R"({"role": "user", "content": "And 2+2?"}, {"role": "assistant", "content": "\n4, not 5"}]})"),
            "2.<|im_end|>|4, not 5<|im_end|>|");  // the line's end is one token with the template's before it
}

TEST_F(Learned, AreACompletionAndItsEnd) {
  EXPECT_EQ(learned(R"({"prompt": "The sum is", "completion": " two"})"), " two<|im_end|>");
  EXPECT_EQ(learned(R"({"text": "All of it"})"), "All of it<|im_end|>");
}

TEST_F(Learned, RecordsOfRealDataHaveSome) {
  if (!fs::exists(kShared)) GTEST_SKIP() << "needs ../shared/data";
  const text::Chat chat(checkpoint_->tokenizer());
  const Records all = read_records(kShared / "instruct/alpaca_zh_demo.json");
  for (size_t i = 0; i < all.records.size(); i += 50) {
    const LearnedTokens tokens = learned_tokens(all.records[i], checkpoint_->tokenizer(), chat);
    std::string text;
    for (size_t t = 0; t < tokens.tokens.size(); ++t)
      if (tokens.learned[t]) text += checkpoint_->tokenizer().bytes(tokens.tokens[t], true);
    EXPECT_EQ(text, std::string(all.records[i].messages.back()["content"]) + "<|im_end|>") << i;
  }
}

}  // namespace
}  // namespace orrery::align
