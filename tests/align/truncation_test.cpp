#include "orrery/align/truncation.h"

#include <gtest/gtest.h>

#include "orrery/base/error.h"

namespace orrery::align {
namespace {

using Tokens = std::vector<text::TokenId>;

TruncationOptions keep_start(int64_t length) { return {.max_length = length}; }
TruncationOptions keep_end(int64_t length) { return {length, TruncationMode::kKeepEnd}; }
TruncationOptions drop(int64_t length) { return {length, TruncationMode::kDrop}; }

/// A prompt of 1 2 3 and answers of two and four tokens.
std::vector<PairedTokens> one_pair() {
  return {{.prompt = {1, 2, 3}, .chosen = {4, 5}, .rejected = {6, 7, 8, 9}, .margin = 2}};
}

void expect_summary(const TruncationSummary& got, int64_t cut, int64_t tokens_cut, int64_t dropped) {
  EXPECT_EQ(got.cut, cut);
  EXPECT_EQ(got.tokens_cut, tokens_cut);
  EXPECT_EQ(got.dropped, dropped);
}

TEST(Truncation, NothingIsCutUnlessAsked) {
  std::vector<PairedTokens> pairs = one_pair();
  for (const TruncationOptions& options : {TruncationOptions{}, keep_start(7), keep_end(7), drop(7)}) {
    const TruncationSummary summary = truncate(pairs, options);
    expect_summary(summary, 0, 0, 0);
    EXPECT_EQ(to_text(summary), "none of 1 records cut");
    EXPECT_EQ(pairs.at(0).rejected.size(), 4u);
  }
  EXPECT_THROW(truncate(pairs, keep_start(-1)), Error);
}

// The rows are what TRL 1.16's DataCollatorForPreference makes of the same ids.
TEST(Truncation, KeepStartCutsTheEndsOfAnswers) {
  std::vector<PairedTokens> pairs = one_pair();
  expect_summary(truncate(pairs, keep_start(4)), 1, 4, 0);
  EXPECT_EQ(pairs.at(0).prompt, (Tokens{1, 2, 3}));
  EXPECT_EQ(pairs[0].chosen, Tokens{4});
  EXPECT_EQ(pairs[0].rejected, Tokens{6});
  EXPECT_EQ(pairs[0].margin, 2);
  pairs = one_pair();
  expect_summary(truncate(pairs, keep_start(3)), 0, 0, 1);  // the prompt fills it
  EXPECT_TRUE(pairs.empty());
}

TEST(Truncation, KeepEndCutsEachRowsBeginning) {
  std::vector<PairedTokens> pairs = one_pair();
  expect_summary(truncate(pairs, keep_end(6)), 1, 1, 0);
  EXPECT_EQ(pairs.at(0).prompt, (Tokens{1, 2, 3}));  // chosen's row has all of it
  EXPECT_EQ(pairs[0].chosen_skips, 0u);
  EXPECT_EQ(pairs[0].rejected_skips, 1u);
  expect_summary(truncate(pairs, keep_end(4)), 1, 1 + 2, 0);
  EXPECT_EQ(pairs[0].prompt, (Tokens{2, 3}));  // chosen: 2 3 4 5, rejected: 6 7 8 9
  EXPECT_EQ(pairs[0].chosen_skips, 0u);
  EXPECT_EQ(pairs[0].rejected_skips, 2u);
  EXPECT_EQ(pairs[0].rejected.size(), 4u);
  expect_summary(truncate(pairs, keep_end(2)), 1, 2 + 2, 0);
  EXPECT_TRUE(pairs[0].prompt.empty());
  EXPECT_EQ(pairs[0].chosen, (Tokens{4, 5}));
  EXPECT_EQ(pairs[0].rejected, (Tokens{8, 9}));
  expect_summary(truncate(pairs, keep_end(1)), 0, 0, 1);  // a token with nothing before it
}

TEST(Truncation, DropLeavesLongRecordsOut) {
  std::vector<PairedTokens> pairs = one_pair();
  const PairedTokens other{.place = 2, .prompt = {1}, .chosen = {2}, .rejected = {3}};
  pairs.push_back(other);
  const TruncationSummary summary = truncate(pairs, drop(6));
  expect_summary(summary, 0, 0, 1);
  EXPECT_EQ(to_text(summary), "0 of 2 records cut (0 tokens), 1 left out");
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].place, 2);
}

TEST(Truncation, LearnedTokensStayWithTheirs) {
  const LearnedTokens record{{1, 2, 3, 4, 5}, {false, false, true, false, true}};
  std::vector<LearnedTokens> all = {record, {{1, 2}, {false, true}}};
  expect_summary(truncate(all, keep_start(3)), 1, 2, 0);
  EXPECT_EQ(all.at(0).tokens, (Tokens{1, 2, 3}));
  EXPECT_EQ(all[0].learned, (std::vector<bool>{false, false, true}));
  EXPECT_EQ(all.at(1).tokens.size(), 2u);
  all = {record};
  expect_summary(truncate(all, keep_end(2)), 1, 3, 0);
  EXPECT_EQ(all.at(0).tokens, (Tokens{4, 5}));
  EXPECT_EQ(all[0].learned, (std::vector<bool>{false, true}));
  all = {record};
  expect_summary(truncate(all, keep_start(2)), 0, 0, 1);  // nothing is left to learn
  all = {record};
  expect_summary(truncate(all, keep_end(1)), 0, 0, 1);  // its one learned token has nothing before it
}

TEST(Truncation, LabelledAnswersAreCutAsPairsAre) {
  const LabelledTokens record{.prompt = {1, 2}, .completion = {3, 4}, .label = true};
  std::vector<LabelledTokens> all = {record};
  expect_summary(truncate(all, keep_start(3)), 1, 1, 0);
  EXPECT_EQ(all.at(0).completion, Tokens{3});
  all = {record};
  expect_summary(truncate(all, keep_end(3)), 1, 1, 0);
  EXPECT_EQ(all.at(0).prompt, Tokens{2});
  EXPECT_EQ(all[0].completion, (Tokens{3, 4}));
  expect_summary(truncate(all, keep_start(1)), 0, 0, 1);
}

}  // namespace
}  // namespace orrery::align
