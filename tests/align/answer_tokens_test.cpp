// Tokens of prompts and answers against TRL 1.16's: numbers by transformers 5.24 and the functions of
// trl/data_utils.py.
#include "orrery/align/answer_tokens.h"

#include <gtest/gtest.h>

#include "tests/align/support.h"

namespace orrery::align {
namespace {

using Tokens = std::vector<text::TokenId>;

class AnswerTokens : public WithSmolLm2 {
 protected:
  PairedTokens paired(const Preference& record) const { return paired_tokens(record, tokenizer(), chat()); }
};

TEST_F(AnswerTokens, AreTrlsOfPlainStrings) {
  const struct {
    const char* row;
    Tokens prompt, chosen, rejected;
    size_t merged;
  } kCases[] = {
      {R"({"prompt": "The sum is", "chosen": " two", "rejected": " three."})",
       {504, 2028, 314},
       {827, 2},
       {1296, 30, 2},
       0},
      {R"({"prompt": "The sum is ", "chosen": "two", "rejected": "three"})", {504, 2028, 314}, {827, 2}, {1296, 2}, 1},
      {R"({"chosen": "The sky is blue", "rejected": "The sky is green"})", {504, 6376, 314}, {4461, 2}, {2654, 2}, 0},
      {R"({"prompt": "1+1=", "chosen": "2<|im_end|>", "rejected": "3"})", {33, 27, 33, 45}, {34, 2}, {35, 2}, 0},
      {R"({"chosen": "答：你", "rejected": "答：中"})", {47439, 238, 24713}, {18645, 250, 2}, {28589, 2}, 0},
      {R"({"chosen": "so", "rejected": "so far"})", {}, {559, 2}, {559, 1869, 2}, 1},
  };
  for (const auto& one : kCases) {
    const PairedTokens tokens = paired(pairs(one.row).records.at(0));
    EXPECT_EQ(tokens.prompt, one.prompt) << one.row;
    EXPECT_EQ(tokens.chosen, one.chosen) << one.row;
    EXPECT_EQ(tokens.rejected, one.rejected) << one.row;
    EXPECT_EQ(tokens.merged, one.merged) << one.row;
  }
}

TEST_F(AnswerTokens, AreTrlsOfConversations) {
  const Rows<Preference> all =
      pairs(R"({"prompt": [{"role": "user", "content": "1+1?"}], "chosen": [{"role": "assistant", "content": "2"}], )"
            R"("rejected": [{"role": "assistant", "content": "\n3"}], "margin": 0.5})");
  const PairedTokens tokens = paired(all.records.at(0));
  EXPECT_EQ(tokens.prompt,
            (Tokens{1,     9690, 198, 2683, 359, 253,  5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407,
                    19712, 8182, 2,   198,  1,   4093, 198,  33,   27,    33,   47,   2,   198,   1,  520,  9531}));
  EXPECT_EQ(tokens.chosen, (Tokens{198, 34, 2, 198}));  // the line's end is one token with the other answer's
  EXPECT_EQ(tokens.rejected, (Tokens{1116, 35, 2, 198}));
  EXPECT_EQ(tokens.merged, 1u);
  EXPECT_EQ(tokens.margin, 0.5);
}

/// FNV-1a of the parts of all records, each behind its length.
struct Digest {
  uint64_t hash = 0xcbf29ce484222325;
  std::vector<size_t> sums;

  void add(const std::vector<Tokens>& parts) {
    sums.resize(parts.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      sums[i] += parts[i].size();
      mix(parts[i].size());
      for (const text::TokenId id : parts[i]) mix(static_cast<uint64_t>(id));
    }
  }
  void mix(uint64_t value) { hash = (hash ^ value) * 0x100000001b3; }
};

TEST_F(AnswerTokens, AreTrlsOfRealData) {
  if (!std::filesystem::exists(kShared)) GTEST_SKIP() << "needs ../shared/data";
  const struct {
    const char* name;
    std::vector<size_t> sums;  // of prompts', chosen and rejected answers' tokens
    uint64_t hash;
  } kFiles[] = {{"dpo_en_demo.json", {134154, 93593, 102506}, 0xe3cfec10c05009e9},
                {"dpo_zh_demo.json", {101071, 197094, 159959}, 0x774da42c2b215abc},
                {"hh_harmless_base_test.jsonl.gz", {344757, 96512, 120075}, 0xdbaa48cd6ffae586}};
  for (const auto& file : kFiles) {
    const Rows<Preference> records = read_preferences(kShared / "preference" / file.name);
    const Rows<PairedTokens> tokens = tokens_of(records, [&](const Preference& one) { return paired(one); });
    EXPECT_EQ(tokens.records.size(), records.records.size()) << file.name;
    Digest digest;
    for (const PairedTokens& one : tokens.records) digest.add({one.prompt, one.chosen, one.rejected});
    EXPECT_EQ(digest.sums, file.sums) << file.name;
    EXPECT_EQ(digest.hash, file.hash) << file.name;
  }
  Digest digest;
  for (const Labelled& one : read_labelled(kShared / "preference/kto_en_demo.json").records) {
    const LabelledTokens tokens = labelled_tokens(one, tokenizer(), chat());
    EXPECT_EQ(tokens.label, one.label);
    digest.add({tokens.prompt, tokens.completion});
  }
  EXPECT_EQ(digest.sums, (std::vector<size_t>{113319, 91852}));
  EXPECT_EQ(digest.hash, 0x704837827862207d);
}

TEST_F(AnswerTokens, PromptsAloneEndWhereTheAssistantBegins) {
  const Rows<Prompt> all = read_prompts(File(R"({"prompt": [{"role": "user", "content": "1+1?"}]}
{"prompt": "1+1="})")
                                            .path);
  const PromptTokens conversation = prompt_tokens(all.records.at(0), tokenizer(), chat());
  EXPECT_TRUE(text_of(conversation.prompt).ends_with("1+1?<|im_end|>\n<|im_start|>assistant\n"));
  EXPECT_EQ(prompt_tokens(all.records.at(1), tokenizer(), chat()).prompt, (Tokens{33, 27, 33, 45}));
}

TEST(AnswerTokensOfBytes, BeginAndEndAsTheTokenizerSays) {
  const ByteTokenizer with_bos(true), without(false);
  const Preference pair{.prompt = "a", .chosen = "b", .rejected = "c</s>"};
  const text::Chat chat(with_bos);
  const PairedTokens tokens = paired_tokens(pair, with_bos, chat);
  EXPECT_EQ(tokens.prompt, (Tokens{256, 'a'}));
  EXPECT_EQ(tokens.chosen, (Tokens{'b', 257}));
  EXPECT_EQ(tokens.rejected, (Tokens{'c', 257}));
  EXPECT_EQ(paired_tokens(pair, without, chat).prompt, Tokens{'a'});
  const Labelled empty{.prompt = "", .completion = "</s>", .label = true};
  EXPECT_EQ(labelled_tokens(empty, with_bos, chat).completion, Tokens{257});
  EXPECT_THROW(labelled_tokens(empty, without, chat), Error);  // nothing comes before its one token
}

TEST(AnswerTokensOfBytes, RecordsThatATemplateSpoilsAreBadRows) {
  const ByteTokenizer tokenizer(false);
  const text::Chat says_otherwise(tokenizer,
                                  "{% if add_generation_prompt %}Q{% else %}A{% endif %}"
                                  "{% for m in messages %}{{ m.content }}{% endfor %}"),
      refuses(tokenizer,
              "{% for m in messages %}{% if m.content == 'x' %}{{ raise_exception('no x here') }}{% endif %}"
              "{{ m.content }}{% endfor %}"),
      silent(tokenizer, "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}");
  const Rows<Preference> records = pairs(R"({"instruction": "a", "chosen": "b", "rejected": "c"}
nonsense
{"instruction": "a", "chosen": "x", "rejected": "c"}
{"instruction": "a", "chosen": "b", "rejected": "d"})");
  const auto bad_of = [&](const text::Chat& chat) {
    return tokens_of(records, [&](const Preference& one) { return paired_tokens(one, tokenizer, chat); }).bad;
  };
  const std::string otherwise = "before which the chat template writes the prompt otherwise",
                    none = "an answer without a token to be learned";
  expect_bad(bad_of(says_otherwise), {{1, otherwise}, {2, "no JSON"}, {3, otherwise}, {4, otherwise}});
  expect_bad(bad_of(refuses), {{2, "no JSON"}, {3, "no x here"}});
  expect_bad(bad_of(silent), {{1, none}, {2, "no JSON"}, {3, none}, {4, none}});
}

}  // namespace
}  // namespace orrery::align
