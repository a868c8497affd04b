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
  EXPECT_EQ(bash_offers("orrery scene con"), "convert\n");
  EXPECT_EQ(bash_offers("orrery scene convert --deci"), "--decimate\n");
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

TEST(Completion, BashKeepsTheSpacesOfFiles) {
  const TemporaryFolder folder;
  folder.file("my model.gguf", "");
  EXPECT_EQ(shell("source <(orrery completion bash)\ncd " + folder.path("") +
                  "\nCOMP_WORDS=(orrery inspect my)\nCOMP_CWORD=2\n_orrery\nprintf '%s\\n' \"${COMPREPLY[@]}\"")
                .out,
            "my model.gguf\n");
}

/// What the shells that are not bash should offer for the end of a line.
struct Offer {
  const char *line, *offered;
};

const Offer kOffers[] = {
    {"orrery qu", "quantize\n"},
    {"orrery --v", "--version\n"},
    {"orrery run litt", "little\n"},
    {"orrery run --temperat", "--temperature\n"},
    {"orrery run m --kv f", "f16\nf32\n"},
    {"orrery run m bench --prof", ""},  // bench's option; bench is no command there
    {"orrery completion z", "zsh\n"},
    {"orrery help per", "perplexity\n"},
    {"orrery scene con", "convert\n"},
    {"orrery scene convert --deci", "--decimate\n"},
};

/// Asks a shell by `script`, which sees $line, with one model in the cache.
void expect_offers(const std::string& script) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("orrery/models"));
  folder.file("orrery/models/little.gguf", "");
  for (const auto& [line, offered] : kOffers) {
    const Outcome outcome = shell("export folder=" + folder.path("") + " XDG_CACHE_HOME=" + folder.path("") +
                                  "\ncd $folder\nexport line='" + line + "'\n" + script);
    EXPECT_EQ(outcome.out, offered) << line << "\n" << outcome.err;
  }
}

TEST(Completion, ZshOffersTheSame) {
  ASSERT_EQ(orrery({"completion", "zsh"}).exit_code, 0);
  if (shell("command -v zsh").exit_code != 0) GTEST_SKIP() << "no zsh to complete in";
  const Outcome parsed = shell("orrery completion zsh | zsh -n");
  EXPECT_EQ(parsed.exit_code, 0) << parsed.err;
  expect_offers("orrery completion zsh > _orrery && zsh -f " ORRERY_SOURCE_DIR
                "/tests/cli/zsh_offers.zsh $folder \"$line\"");
}

TEST(Completion, FishOffersTheSame) {
  ASSERT_EQ(orrery({"completion", "fish"}).exit_code, 0);
  if (shell("command -v fish").exit_code != 0) GTEST_SKIP() << "no fish to complete in";
  const Outcome parsed = shell("orrery completion fish | fish -n");
  EXPECT_EQ(parsed.exit_code, 0) << parsed.err;
  expect_offers("fish --no-config -c 'orrery completion fish | source; complete -C $line' | cut -f 1");
}

}  // namespace
}  // namespace orrery::cli_test
