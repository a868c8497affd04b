// Man pages, guide and completions, made from the commands themselves.
#include <gtest/gtest.h>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

TEST(Manual, GuideInDocsIsUpToDate) {
  const TemporaryFolder folder;
  ASSERT_EQ(orrery({"help-dump", "--markdown", folder.path("cli.md")}).exit_code, 0);
  EXPECT_TRUE(read_file(folder.path("cli.md")) == read_file(std::string(ORRERY_SOURCE_DIR) + "/docs/cli.md"))
      << "docs/cli.md is out of date: build/bin/orrery help-dump --markdown docs/cli.md";
}

TEST(Manual, EveryCommandHasAManPageThatManCanRead) {
  const TemporaryFolder folder;
  ASSERT_EQ(orrery({"help-dump", "--man", folder.path("man")}).exit_code, 0);
  EXPECT_NE(read_file(folder.path("man/orrery-run.1")).find("\\-\\-temperature"), std::string::npos);
  if (shell("command -v groff").exit_code != 0) GTEST_SKIP() << "no groff to read the pages with";
  const Outcome outcome =
      shell("cd " + folder.path("man") +
            " && for page in *.1; do groff -k -Kutf8 -man -Tutf8 -ww $page > $page.txt || exit 1; done");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_NE(read_file(folder.path("man/orrery-run.1.txt")).find("Why is the sky blue?"), std::string::npos);
}

// What bash offers for a line whose last word is being typed.
std::string bash_offers(const std::string& line) {
  return shell("source <(orrery completion bash)\nCOMP_WORDS=(" + line +
               ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_orrery\necho ${COMPREPLY[@]}")
      .out;
}

TEST(Completion, BashOffersCommandsOptionsAndChoices) {
  EXPECT_EQ(bash_offers("orrery per"), "perplexity\n");
  EXPECT_EQ(bash_offers("orrery run --temper"), "--temperature\n");
  EXPECT_EQ(bash_offers("orrery run m --kv f"), "f32 f16\n");
  EXPECT_EQ(bash_offers("orrery completion z"), "zsh\n");
}

TEST(Completion, BashOffersModelsByName) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("orrery/models"));
  folder.file("orrery/models/little.gguf", "");
  EXPECT_EQ(shell("export XDG_CACHE_HOME=" + folder.path("") + "\nsource <(orrery completion bash)\n" +
                  "COMP_WORDS=(orrery run litt)\nCOMP_CWORD=2\n_orrery\necho ${COMPREPLY[@]}")
                .out,
            "little\n");
}

TEST(Completion, ZshAndFishScriptsParse) {
  for (const char* shell_name : {"zsh", "fish"}) {
    EXPECT_EQ(orrery({"completion", shell_name}).exit_code, 0);
    if (shell(std::string("command -v ") + shell_name).exit_code != 0) continue;
    const Outcome outcome = shell(std::string("orrery completion ") + shell_name + " | " + shell_name + " -n");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  }
}

}  // namespace
}  // namespace orrery::cli_test
