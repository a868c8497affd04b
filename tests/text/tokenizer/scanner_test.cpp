#include "orrery/text/tokenizer/scanner.h"

#include "orrery/text/tokenizer/pre_kinds.h"
#include "orrery/text/tokenizer/regex.h"
#include "tests/text/tokenizer/support.h"

namespace orrery::text {
namespace {

std::vector<std::string> scan(Scanner scanner, const std::string& text) {
  std::vector<std::string> words;
  scanner(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

/// What the expression itself gives: its matches, and what lies between them.
std::vector<std::string> split(const Regex& regex, const std::string& text) {
  std::vector<std::string> words;
  size_t at = 0;
  const auto add = [&](size_t begin, size_t end) {
    if (begin != end) words.push_back(text.substr(begin, end - begin));
  };
  for (Regex::Search search(regex, text); search.next(); at = search.end()) {
    add(at, search.begin());
    add(search.begin(), search.end());
  }
  add(at, text.size());
  return words;
}

void expect_same_as_regex(std::string_view pattern, int trials) {
  const Scanner scanner = find_scanner(pattern);
  ASSERT_NE(scanner, nullptr) << pattern;
  const Regex regex(pattern);
  std::mt19937 random(3);
  for (int trial = 0; trial < trials; ++trial) {
    const std::string text = random_text(random);
    ASSERT_EQ(scan(scanner, text), split(regex, text)) << pattern << "\ntext: " << testing::PrintToString(text);
  }
}

TEST(Scanner, CutsAsItsExpressionDoes) {
  for (const char* kind : {"gpt-2", "llama-bpe", "qwen2", "qwen35", "seed-coder", "ufakzeka", "bailingmoe", "gpt-4o",
                           "tekken", "gemma4"}) {
    SCOPED_TRACE(kind);
    expect_same_as_regex(find_pre_kind(kind)->patterns[0], 20000);
  }
  for (const char* kind : {"minicpm5", "smollm", "deepseek-v3", "superbpe", "tiny_aya", "afmoe", "laguna", "youtu"}) {
    SCOPED_TRACE(kind);
    const auto patterns = find_pre_kind(kind)->patterns;
    for (std::string_view pattern : patterns) {
      if (find_scanner(pattern)) expect_same_as_regex(pattern, 10000);
    }
  }
}

TEST(Scanner, CommonKindsNeedNoRegex) {
  for (const char* kind : {"gpt-2", "llama-bpe", "qwen2", "smollm", "gpt-4o", "tekken", "qwen35", "starcoder"}) {
    for (std::string_view pattern : find_pre_kind(kind)->patterns) EXPECT_NE(find_scanner(pattern), nullptr) << kind;
  }
}

TEST(Scanner, OnePassCutsAsTwoDo) {
  const auto patterns = find_pre_kind("smollm")->patterns;
  ASSERT_EQ(patterns.size(), 2u);
  const Scanner first = find_scanner(patterns[0]), second = find_scanner(patterns[1]);
  const Scanner both = find_scanner_of_both(first, second);
  ASSERT_NE(both, nullptr);
  EXPECT_EQ(find_scanner_of_both(second, first), nullptr);
  std::mt19937 random(5);
  for (int trial = 0; trial < 50000; ++trial) {
    const std::string text = random_text(random);
    std::vector<std::string> words;
    first(text, [&](std::string_view part) {
      for (std::string& word : scan(second, std::string(part))) words.push_back(std::move(word));
    });
    ASSERT_EQ(scan(both, text), words) << testing::PrintToString(text);
  }
}

TEST(Scanner, LeavesOneSpaceForTheNextWord) {
  EXPECT_EQ(scan(scan_gpt2, "a   b  "), (std::vector<std::string>{"a", "  ", " b", "  "}));
}

TEST(Scanner, GroupsDigitsFromTheRight) {
  const Scanner thousands = find_scanner(R"(\d{1,3}(?=(?:\d{3})*\b))");
  EXPECT_EQ(scan(thousands, "1234567 12x"), (std::vector<std::string>{"1", "234", "567", " 12x"}));
}

}  // namespace
}  // namespace orrery::text
