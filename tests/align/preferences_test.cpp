#include "orrery/align/preferences.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/align/support.h"

namespace orrery::align {
namespace {

Rows<Labelled> labelled(const std::string& text) { return read_labelled(File(text).path); }
Rows<Prompt> prompts(const std::string& text) { return read_prompts(File(text).path); }

/// "prompt | chosen | rejected", as JSON.
std::string shown(const Preference& pair) {
  return pair.prompt.dump() + " | " + pair.chosen.dump() + " | " + pair.rejected.dump();
}

constexpr const char* kHi = R"([{"role":"user","content":"Hi"}] | [{"role":"assistant","content":"Hello"}] | )"
                            R"([{"role":"assistant","content":"No"}])";

TEST(Preferences, OfEveryFormArePutIntoOne) {
  const std::string user = R"({"role": "user", "content": "Hi"})",
                    good = R"({"role": "assistant", "content": "Hello"})",
                    bad = R"({"role": "assistant", "content": "No"})";
  const Rows<Preference> all =
      pairs(R"({"prompt": [)" + user + R"(], "chosen": [)" + good + R"(], "rejected": [)" + bad + R"(], "margin": 2})" +
            "\n" + R"({"chosen": [)" + user + "," + good + R"(], "rejected": [)" + user + "," + bad +
            R"(], "margin": -0.5})" + "\n" + R"({"prompt": "Hi", "messages": [], "chosen": [)" + user + "," + good +
            R"(], "rejected": [)" + user + "," + bad + "]}\n" + R"({"messages": [)" + user + R"(], "chosen": )" + good +
            R"(, "rejected": )" + bad + R"(, "margin": null})" + "\n" +
            R"({"conversations": [{"from": "human", "value": "Hi"}], "chosen": {"from": "gpt", "value": "Hello"}, )" +
            R"("rejected": {"from": "gpt", "value": "No"}})" + "\n" +
            R"({"instruction": "Hi", "input": "", "output": ["Hello", "No"]})" + "\n" +
            R"({"instruction": "Hi", "chosen": "Hello", "rejected": "No", "output": null})" + "\n" +
            R"({"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: No"})");
  ASSERT_TRUE(all.bad.empty()) << all.bad[0].place << ": " << all.bad[0].reason;
  ASSERT_EQ(all.records.size(), 8u);
  for (size_t i = 0; i < all.records.size(); ++i) {
    EXPECT_EQ(shown(all.records[i]), kHi) << i;
    EXPECT_EQ(all.records[i].place, static_cast<int64_t>(i) + 1);
  }
  EXPECT_EQ(all.records[0].margin, 2);
  EXPECT_EQ(all.records[1].margin, -0.5);
  EXPECT_FALSE(all.records[3].margin);
}

// The numbers are what TRL 1.16's extract_prompt gives.
TEST(Preferences, WhatAnswersHaveInCommonIsTheirPrompt) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"chosen": "The sky is blue", "rejected": "The sky is green"})", R"("The sky is" | " blue" | " green")"},
      {R"({"chosen": "1+1=2", "rejected": "1+1=3"})", R"("1+1=" | "2" | "3")"},
      {R"({"chosen": "so", "rejected": "so far"})", R"("s" | "o" | "o far")"},       // one begins with the other
      {R"({"chosen": "答：你", "rejected": "答：中"})", R"("答：" | "你" | "中")"},  // both begin with a byte E4
      {R"({"chosen": "答：你", "rejected": "答：你好"})", R"("答：" | "你" | "你好")"},
      {R"({"prompt": "Sky?", "chosen": " blue", "rejected": " green"})", R"("Sky?" | " blue" | " green")"},
      {R"({"prompt": "", "chosen": "a", "rejected": "b"})", R"("" | "a" | "b")"},
  };
  for (const auto& [row, expected] : kCases) {
    const Rows<Preference> all = pairs(row);
    ASSERT_TRUE(all.bad.empty()) << row << ": " << all.bad[0].reason;
    EXPECT_EQ(shown(all.records.at(0)), expected);
  }
  const std::string turns = R"({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"})";
  const Rows<Preference> longer = pairs(R"({"chosen": [)" + turns + R"(], "rejected": [)" + turns + "," + turns + "]}");
  EXPECT_EQ(longer.records.at(0).prompt.size(), 1u);
  EXPECT_EQ(longer.records.at(0).chosen.size(), 1u);
  EXPECT_EQ(longer.records.at(0).rejected.size(), 3u);
}

TEST(Preferences, BadRowsAreListedWithTheirReasons) {
  const Rows<Preference> all = pairs(R"({"prompt": "a", "chosen": "b"}
{"prompt": "a", "chosen": "b", "rejected": null}
{"prompt": "a", "chosen": "", "rejected": "b"}
{"prompt": "a", "chosen": "b", "rejected": "b"}
{"prompt": "a", "chosen": "b", "rejected": [{"role": "assistant", "content": "c"}]}
{"prompt": ["a"], "chosen": "b", "rejected": "c"}
{"chosen": "yes", "rejected": "no"}
{"prompt": "a", "chosen": "b", "rejected": "c", "margin": "1"}
{"prompt": "a", "chosen": "b", "rejected": "c", "margin": NaN}
{"prompt": "a", "chosen": "b", "rejected": "c", "margin": 1e999}
{"prompt": "a\ud800", "chosen": "b", "rejected": "c"}
{"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "c"}]}
{"chosen": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "system", "content": "s"}, {"role": "user", "content": "A"}, {"role": "assistant", "content": "c"}]}
{"conversations": [{"from": "human", "value": "a"}], "chosen": {"from": "gpt", "value": ""}, "rejected": {"from": "gpt", "value": "c"}}
{"instruction": "a", "output": ["b"]}
{"instruction": "a", "output": "b"}
{"chosen": "\n\nHuman: a\n\nAssistant: ", "rejected": "\n\nHuman: a\n\nAssistant: b"}
{"prompt": 7, "chosen": "b", "rejected": "c"}
{"prompt": "a", "chosen": 1.5, "rejected": "c"}
"chosen")");
  EXPECT_TRUE(all.records.empty());
  expect_bad(all.bad, {{1, "rejected is missing"},
                       {2, "rejected is null, expected a string or messages"},
                       {3, "chosen is empty: nothing to learn"},
                       {4, "chosen and rejected are the same"},
                       {5, "of one kind"},
                       {6, "prompt[0] has no role"},
                       {7, "no beginning in common"},
                       {8, "margin is string, expected a number"},
                       {9, "no JSON"},
                       {10, "no JSON: number overflow"},
                       {11, "surrogate"},
                       {12, "no beginning in common"},
                       {13, "chosen has another prompt: it goes on with a message of \"user\""},
                       {14, "chosen has nothing that the assistant says"},
                       {15, "output is no list of two strings"},
                       {16, "neither chosen and rejected nor a list of two outputs"},
                       {17, "chosen has nothing that the assistant says"},
                       {18, "prompt is no list of messages"},
                       {19, "chosen is number, expected a string or messages"},
                       {20, "it is string, expected an object"}});
}

TEST(Preferences, DialoguesAreTakenApartAtTheirSpeakers) {
  const Rows<Preference> all =
      pairs(R"({"chosen": "\n\nHuman: One:\n\n- two\n\nHuman: three\n\nAssistant:  yes\nAssistant: no", )"
            R"("rejected": "\n\nHuman: One:\n\n- two\n\nHuman: three\n\nAssistant:none\n\nAssistant: at all"})");
  ASSERT_EQ(all.records.size(), 1u);
  EXPECT_EQ(shown(all.records[0]),
            R"([{"role":"user","content":"One:\n\n- two\n\nthree"}] | )"    // two turns of one speaker
            R"([{"role":"assistant","content":" yes\nAssistant: no"}] | )"  // no blank line, no turn
            R"([{"role":"assistant","content":"none\n\nat all"}])");
}

TEST(Preferences, RealDataIsReadWhole) {
  if (!std::filesystem::exists(kShared)) GTEST_SKIP() << "needs ../shared/data";
  for (const char* name : {"dpo_en_demo.json", "dpo_zh_demo.json"}) {
    const Rows<Preference> all = read_preferences(kShared / "preference" / name);
    EXPECT_EQ(all.records.size(), 300u) << name;
    EXPECT_TRUE(all.bad.empty()) << name << ", row " << all.bad[0].place << ": " << all.bad[0].reason;
    for (const Preference& pair : all.records) {
      EXPECT_EQ(pair.prompt.back()["role"], "user");
      EXPECT_EQ(pair.chosen.size() + pair.rejected.size(), 2u);
    }
  }
  const Rows<Preference> dialogues = read_preferences(kShared / "preference/hh_harmless_base_test.jsonl.gz");
  const std::string reason = "chosen has nothing that the assistant says";
  expect_bad(dialogues.bad, {{87, reason}, {517, reason}, {926, reason}, {1104, reason}});  // of 2,312
  ASSERT_EQ(dialogues.records.size(), 2308u);
  for (const Preference& pair : dialogues.records) {
    EXPECT_EQ(pair.chosen.size(), 1u) << pair.place;
    EXPECT_EQ(pair.rejected.size(), 1u) << pair.place;
    for (size_t i = 0; i < pair.prompt.size(); ++i)
      EXPECT_EQ(pair.prompt[i]["role"], i % 2 == 0 ? "user" : "assistant") << pair.place;
  }
}

TEST(LabelledAnswers, OfEveryFormArePutIntoOne) {
  const Rows<Labelled> all = labelled(R"({"prompt": "1+1=", "completion": "2", "label": true}
{"messages": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "3"}], "label": false}
{"conversations": [{"from": "human", "value": "1+1?"}, {"from": "gpt", "value": "3"}], "label": 0}
{"prompt": [{"role": "user", "content": "1+1?"}], "completion": [{"role": "assistant", "content": "3"}], "label": 1}
{"instruction": "1+1?", "output": "3", "label": true}
{"prompt": "1+1=", "chosen": "2", "rejected": "3"})");
  ASSERT_TRUE(all.bad.empty()) << all.bad[0].place << ": " << all.bad[0].reason;
  ASSERT_EQ(all.records.size(), 7u);
  const bool labels[] = {true, false, false, true, true, true, false};
  const int64_t places[] = {1, 2, 3, 4, 5, 6, 6};
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(all.records[i].label, labels[i]) << i;
    EXPECT_EQ(all.records[i].place, places[i]) << i;
  }
  for (size_t i : {1, 2, 3, 4}) {
    EXPECT_EQ(all.records[i].prompt.dump(), R"([{"role":"user","content":"1+1?"}])") << i;
    EXPECT_EQ(all.records[i].completion.dump(), R"([{"role":"assistant","content":"3"}])") << i;
  }
  EXPECT_EQ(all.records[6].completion, "3");
}

TEST(LabelledAnswers, BadRowsAreListedWithTheirReasons) {
  const Rows<Labelled> all = labelled(R"({"prompt": "a", "completion": "b"}
{"prompt": "a", "completion": "b", "label": "good"}
{"prompt": "a", "completion": "b", "label": 2}
{"prompt": "a", "completion": "b", "label": null}
{"messages": [{"role": "assistant", "content": "b"}], "label": true}
{"messages": [{"role": "user", "content": "b"}], "label": true}
{"prompt": "a", "completion": [{"role": "assistant", "content": "b"}], "label": true}
{"text": "a", "label": true})");
  EXPECT_TRUE(all.records.empty());
  expect_bad(all.bad, {{1, "label is missing"},
                       {2, "label is neither true nor false"},
                       {3, "label is neither true nor false"},
                       {4, "label is neither true nor false"},
                       {5, "no prompt before the answer"},
                       {6, "the last message has nothing that the assistant says"},
                       {7, "of one kind"},
                       {8, "none of prompt, messages"}});
}

TEST(LabelledAnswers, RealDataIsReadWhole) {
  if (!std::filesystem::exists(kShared)) GTEST_SKIP() << "needs ../shared/data";
  const Rows<Labelled> all = read_labelled(kShared / "preference/kto_en_demo.json");
  EXPECT_TRUE(all.bad.empty()) << all.bad[0].place << ": " << all.bad[0].reason;
  EXPECT_EQ(all.records.size(), 300u);
  EXPECT_EQ(std::ranges::count(all.records, true, &Labelled::label), 150);
  EXPECT_EQ(read_labelled(kShared / "preference/dpo_zh_demo.json").records.size(), 600u);
}

TEST(Prompts, AreThoseOfEveryForm) {
  const Rows<Prompt> all = prompts(R"({"prompt": "Hi"}
{"prompt": [{"role": "user", "content": "Hi"}], "completion": 3}
{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}]}
{"messages": [{"role": "user", "content": "Hi"}], "tools": [{"name": "f"}]}
{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "a"}]}
{"instruction": "Hi"}
{"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: No"}
{"prompt": ""}
{"text": "Hi"}
{"messages": [{"role": "assistant", "content": "a"}]}
{"prompt": []})");
  ASSERT_EQ(all.records.size(), 7u);
  EXPECT_EQ(all.records[0].prompt, "Hi");
  for (size_t i = 1; i < 7; ++i) EXPECT_EQ(all.records[i].prompt.dump(), R"([{"role":"user","content":"Hi"}])") << i;
  EXPECT_EQ(all.records[3].tools.size(), 1u);
  expect_bad(all.bad, {{8, "prompt is empty"},
                       {9, "none of prompt, messages"},
                       {10, "nothing before what the assistant says"},
                       {11, "prompt is no list of messages"}});
}

TEST(Prompts, RealDataIsReadWhole) {
  if (!std::filesystem::exists(kShared)) GTEST_SKIP() << "needs ../shared/data";
  for (const auto& [name, count] : {std::pair("instruct/alpaca_zh_demo.json", 1000u),
                                    {"instruct/glaive_toolcall_en_demo.json", 300u},
                                    {"preference/dpo_en_demo.json", 300u},
                                    {"preference/kto_en_demo.json", 300u}}) {
    const Rows<Prompt> all = read_prompts(kShared / name);
    EXPECT_EQ(all.records.size(), count) << name;
    EXPECT_TRUE(all.bad.empty()) << name << ", row " << all.bad[0].place << ": " << all.bad[0].reason;
  }
}

}  // namespace
}  // namespace orrery::align
