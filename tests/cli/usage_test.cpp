// What every command owes its users: help, exit codes, one line for a mistake, closed streams.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

const Words kCommands = {"run",     "chat",     "models",     "inspect", "tokenize",   "template",
                         "convert", "quantize", "perplexity", "bench",   "completion", "help"};

TEST(Usage, WithoutACommandTheCommandsAreListed) {
  const Outcome outcome = orrery({});
  EXPECT_EQ(outcome.exit_code, 0);
  for (const std::string& command : kCommands)
    EXPECT_NE(outcome.out.find("\n  " + command + " "), std::string::npos) << command;
  EXPECT_EQ(outcome.out.find("help-dump"), std::string::npos);
}

TEST(Usage, EveryCommandExplainsItselfWithExamples) {
  for (const std::string& command : kCommands) {
    const Outcome outcome = orrery({command, "--help"});
    EXPECT_EQ(outcome.exit_code, 0) << command;
    EXPECT_EQ(outcome.err, "") << command;
    EXPECT_NE(outcome.out.find("Usage: orrery " + command), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("Examples:\n  # "), std::string::npos) << outcome.out;
    EXPECT_EQ(orrery({"help", command}).out, outcome.out);
  }
}

TEST(Usage, VersionIsPrinted) { EXPECT_EQ(orrery({"--version"}).out.substr(0, 9), "orrery 0."); }

TEST(Usage, MisspeltCommandIsToldWhatItResembles) {
  expect_refused(orrery({"rnu"}), "did you mean run?");
  expect_refused(orrery({"frobnicate"}), "there is no command frobnicate; see orrery --help");
}

TEST(Usage, MisspeltOptionIsToldWhatItResembles) {
  expect_refused(orrery({"run", "m", "p", "--temprature", "1"}), "did you mean --temperature?");
}

TEST(Usage, BadOptionValuesAreRefused) {
  expect_refused(orrery({"run", "m", "p", "--top-k", "many"}), "--top-k");
  expect_refused(orrery({"run", "m", "p", "--threads", "-3"}), "--threads");
  expect_refused(orrery({"run", "m", "p", "--kv", "q9"}), "--kv");
  expect_refused(orrery({"run", "m", "p", "--mirostat", "1"}), "--mirostat");
  expect_refused(orrery({"run", "m", "p", "--logit-bias", "12"}), "--logit-bias");
  expect_refused(orrery({"run", "m", "p", "--seed", "-1"}), "--seed");
  expect_refused(orrery({"run"}), "model is required");
  expect_refused(orrery({"completion", "tcsh"}), "tcsh");
}

TEST(Usage, MissingFilesAreNamed) {
  expect_refused(orrery({"run", "no/such.gguf", "hello"}), "no/such.gguf");
  expect_refused(orrery({"inspect", "no/such.gguf"}), "no/such.gguf");
  expect_refused(orrery({"tokenize", "no/such.gguf", "hello"}), "no/such.gguf");
}

TEST(Usage, UnknownModelNameListsWhatTheCacheHolds) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("orrery/models"));
  folder.file("orrery/models/little.gguf", "");
  const Outcome outcome = orrery({"run", "large", "hello"}, "", {"XDG_CACHE_HOME=" + folder.path("")});
  expect_refused(outcome, "large");
  EXPECT_NE(outcome.err.find("holds: little"), std::string::npos) << outcome.err;
}

TEST(Usage, ModelsListsTheCache) {
  const TemporaryFolder folder;
  const Words environment = {"XDG_CACHE_HOME=" + folder.path("")};
  EXPECT_EQ(orrery({"models"}, "", environment).exit_code, 0);
  EXPECT_EQ(orrery({"models", "--json"}, "", environment).out, "[]\n");
  std::filesystem::create_directories(folder.path("orrery/models/big-1.5B"));
  folder.file("orrery/models/big-1.5B/model.safetensors", "12345");
  folder.file("orrery/models/little.gguf", "123");
  EXPECT_EQ(orrery({"models", "--names"}, "", environment).out, "big-1.5B\nlittle\n");
  const auto models = nlohmann::json::parse(orrery({"models", "--json"}, "", environment).out);
  ASSERT_EQ(models.size(), 2u);
  EXPECT_EQ(models[0]["bytes"], 5);
  EXPECT_EQ(models[1]["name"], "little");
}

TEST(Streams, ReaderThatLeavesEndsTheProgramQuietly) {
  const Outcome outcome = shell("set -o pipefail; orrery help run | head -1");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.exit_code, 0);
}

TEST(Streams, ClosedAndFullOutputAreReported) {
  for (const char* script : {"orrery help >&-", "orrery help > /dev/full"}) {
    const Outcome outcome = shell(script);
    EXPECT_EQ(outcome.exit_code, 2) << script;
    EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
    EXPECT_NE(outcome.err.find("standard output"), std::string::npos) << outcome.err;
  }
}

TEST(Streams, FilesDoNotTakeThePlaceOfClosedStreams) {
  const TemporaryFolder folder;
  // With standard output and error closed, the file written next would get their numbers.
  const Outcome outcome = shell("orrery help-dump --markdown " + folder.path("cli.md") + " <&- >&- 2>&-");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(read_file(folder.path("cli.md")).substr(0, 4), "<!--");
}

}  // namespace
}  // namespace orrery::cli_test
