// --file of run and chat: documents of every kind before a question.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "tests/text/documents/tiny_pdf.h"

namespace orrery::cli_test {
namespace {

#define NEEDS_PDFTOTEXT \
  if (shell("command -v pdftotext").exit_code != 0) GTEST_SKIP() << "pdftotext is missing: the package poppler-utils"

int prompt_tokens(const Words& words) {
  const Outcome outcome = orrery(words);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  return outcome.exit_code == 0 ? nlohmann::json::parse(outcome.out)["prompt_tokens"].get<int>() : 0;
}

TEST(Documents, ThePromptIsTheCitedPagesAndThenTheQuestion) {
  NEEDS_SMOLLM2;
  NEEDS_PDFTOTEXT;
  const TemporaryFolder folder;
  const std::string pdf =
      folder.file("r.pdf", text::pdf_of_pages({"The sky is green.", "Grass is red.", "Snow is blue."}));
  const std::string notes = folder.file("n.html", "<p>Water is dry.");
  const std::string expected =
      "[r.pdf, page 2]\nGrass is red.\n\n[r.pdf, page 3]\nSnow is blue.\n\n[n.html]\nWater is dry.\n\nSo?";
  const Words common = {"--temperature", "0", "--max-tokens", "1", "--json"};
  Words with_files = {"run", *model, "--file", pdf, "--pages", "2-", "--file", notes, "So?"},
        written_out = {"run", *model, expected};
  expect_refused(orrery(with_files), "a file without pages");  // --pages is for every file
  with_files = {"run", *model, "--file", pdf, "So?", "--file", notes};
  written_out = {"run", *model, "[r.pdf, page 1]\nThe sky is green.\n\n" + expected};
  with_files.insert(with_files.end(), common.begin(), common.end());
  written_out.insert(written_out.end(), common.begin(), common.end());
  EXPECT_EQ(prompt_tokens(with_files), prompt_tokens(written_out));
}

TEST(Documents, QuestionsAboutThemAreAnswered) {
  NEEDS_SMOLLM2;
  NEEDS_PDFTOTEXT;
  const TemporaryFolder folder;
  const std::string pdf = folder.file("r.pdf", text::pdf_of_pages({"The capital of Orreria is Brassville."}));
  const Outcome outcome = orrery(
      {"run", *model, "--file", pdf, "What is the capital of Orreria?", "--temperature", "0", "--max-tokens", "30"});
  EXPECT_NE(outcome.out.find("Brassville"), std::string::npos) << outcome.out << outcome.err;
}

TEST(Documents, OneThatDoesNotFitSaysBothSizes) {
  NEEDS_SMOLLM2;
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 9000; ++i) text += "word ";
  const Outcome outcome = orrery({"run", *model, "--file", folder.file("long.txt", text), "So?"});
  expect_refused(outcome, "expected at most 8191 in a context of 8192");
  EXPECT_NE(outcome.err.find("found 90"), std::string::npos) << outcome.err;  // some 9,000
}

TEST(Documents, SpecialTokensInThemAreSpeltApart) {
  NEEDS_SMOLLM2;
  const TemporaryFolder folder;
  const auto tokens = [&](const std::string& text) {
    return prompt_tokens({"run", *model, "--file", folder.file("t.txt", text), "--max-tokens", "1", "--json"});
  };
  EXPECT_GT(tokens("a<|im_end|>"), tokens("a") + 2);
}

TEST(Documents, WrongFilesAreNamed) {
  const TemporaryFolder folder;
  expect_refused(orrery({"run", "m", "--file", folder.path("none.txt"), "So?"}), "none.txt");
  expect_refused(orrery({"run", "m", "--file", folder.file("a.docx", "PK\3\4"), "So?"}), "a ZIP archive");
  expect_refused(orrery({"run", "m", "--file", folder.file("a.pdf", "text"), "So?"}), "no %PDF-");
  expect_refused(orrery({"run", "m", "--file", "-", "So?"}, "%PDF-1.7"), "a PDF through a pipe");
  expect_refused(orrery({"run", "m", "So?", "--pages", "3"}), "--pages");
  expect_refused(orrery({"run", "m", "So?", "--file", "x", "--pages", "5-2"}), "5-2");
  expect_refused(orrery({"run", "m", "So?", "--file", "x", "--pages", "0"}), "--pages");
}

TEST(Documents, APipeIsReadAsText) {
  NEEDS_SMOLLM2;
  const Words common = {"--temperature", "0", "--max-tokens", "1", "--json"};
  Words piped = {"run", *model, "Say it:", "--file", "-"}, typed = {"run", *model, "caf\xC3\xA9\n\nSay it:"};
  piped.insert(piped.end(), common.begin(), common.end());
  typed.insert(typed.end(), common.begin(), common.end());
  const auto count = nlohmann::json::parse(orrery(piped, "caf\xE9\n").out)["prompt_tokens"].get<int>();
  EXPECT_EQ(count, prompt_tokens(typed));
}

TEST(Documents, ChatTakesThemBeforeTheNextQuestion) {
  NEEDS_SMOLLM2;
  const TemporaryFolder folder;
  const std::string file = folder.file("o.txt", "The capital of Orreria is Brassville.");
  const Words sampling = {"--temperature", "0", "--max-tokens", "30"};
  const auto words = [&](Words first, const Words& more) {
    first.insert(first.end(), sampling.begin(), sampling.end());
    first.insert(first.end(), more.begin(), more.end());
    return first;
  };
  const std::string question = "What is the capital of Orreria?";
  const Words common = words({"chat", *model}, {});
  const std::string expected = orrery(words({"run", *model, question}, {"--file", file})).out;
  EXPECT_EQ(orrery(words({"chat", *model}, {"--file", file}), question + "\n").out, expected);
  const std::string by_command = orrery(common, "/file " + file + "\n" + question + "\n").out;
  EXPECT_TRUE(by_command.ends_with(")\n" + expected)) << by_command;
  EXPECT_NE(orrery(common, question + "\n").out, expected);
  EXPECT_EQ(orrery(common, "/file " + folder.path("none") + "\n").exit_code, 2);
}

}  // namespace
}  // namespace orrery::cli_test
