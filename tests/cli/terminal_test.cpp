// orrery chat and run at a terminal, typed at through a pseudo-terminal.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

const char kCtrlC[] = "\x03", kCtrlD[] = "\x04";

// A conversation with the default model, its history in a folder of its own.
class Chat : public testing::Test {
 protected:
  void SetUp() override {
    if (!smollm2()) GTEST_SKIP() << "the default model is missing: setup/fetch.sh smollm2";
  }

  std::unique_ptr<Terminal> open(const Words& options = {}) {
    Words words = {"chat", *smollm2(), "--temperature", "0", "--max-tokens", "40"};
    words.insert(words.end(), options.begin(), options.end());
    auto terminal = std::make_unique<Terminal>(words, Words{"XDG_STATE_HOME=" + folder_.path("")});
    EXPECT_TRUE(terminal->wait_for("Ctrl-D leaves")) << terminal->unread();
    EXPECT_TRUE(terminal->wait_for("> ")) << terminal->unread();
    return terminal;
  }

  TemporaryFolder folder_;
};

TEST_F(Chat, AnswersKnowsWhatWasSaidAndLeaves) {
  auto terminal =
      open({"--stats", "--system", std::string(400, 'a') + " is a long word. " + std::string(400, 'b') + " too."});
  terminal->type("Name a colour.\r");
  ASSERT_TRUE(terminal->wait_for("prompt ")) << terminal->unread();
  ASSERT_TRUE(terminal->wait_for(" tokens, ")) << terminal->unread();  // none known before
  ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
  terminal->type("Name another.\r");
  // The second prompt begins with the first and its answer, which are in the cache already.
  EXPECT_TRUE(terminal->wait_for(" known), ")) << terminal->unread();
  ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
  terminal->type(kCtrlD);
  EXPECT_EQ(terminal->wait_for_end(), 0);
}

TEST_F(Chat, CtrlCStopsTheAnswerAndNotTheProgram) {
  auto terminal = open({"--max-tokens", "2000", "--ignore-eos"});
  terminal->type("Count from one to one thousand.\r");
  ASSERT_TRUE(terminal->wait_for("thousand.\r\n")) << terminal->unread();
  ASSERT_TRUE(terminal->wait_for(" ")) << terminal->unread();  // the answer has begun
  terminal->type(kCtrlC);
  ASSERT_TRUE(terminal->wait_for("^C\r\n")) << terminal->unread();
  ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
  terminal->type("/save " + folder_.path("c.json") + "\r");
  ASSERT_TRUE(terminal->wait_for("(2 messages in ")) << terminal->unread();
  terminal->type("/quit\r");
  EXPECT_EQ(terminal->wait_for_end(), 0);
  const auto saved = nlohmann::json::parse(read_file(folder_.path("c.json")));
  EXPECT_EQ(saved["messages"][0]["content"], "Count from one to one thousand.");
  EXPECT_FALSE(saved["messages"][1]["content"].get<std::string>().empty());
}

TEST_F(Chat, CtrlCAtThePromptDropsTheLine) {
  auto terminal = open();
  terminal->type("/quit");
  ASSERT_TRUE(terminal->wait_for("/quit"));
  terminal->type(kCtrlC);
  ASSERT_TRUE(terminal->wait_for("leaves)")) << terminal->unread();
  ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
  terminal->type("/undo\r");
  EXPECT_TRUE(terminal->wait_for("nothing said so far")) << terminal->unread();
  terminal->type("/quit\r");
  EXPECT_EQ(terminal->wait_for_end(), 0);
}

TEST_F(Chat, EditsTheLineAndKeepsItsHistory) {
  {
    auto terminal = open();
    terminal->type("/systemm\x7f Be n\xC3\xA9\xC3\xA9\x7f\x7f\x7fkind.\r");  // backspace takes whole characters
    ASSERT_TRUE(terminal->wait_for("next answer on)")) << terminal->unread();
    ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
    terminal->type("/system\r");
    EXPECT_TRUE(terminal->wait_for("\r\nBe kind.\r\n")) << terminal->unread();
    ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
    terminal->type("/quit\r");
    EXPECT_EQ(terminal->wait_for_end(), 0);
  }
  auto terminal = open();
  terminal->type("\x1b[A\x1b[A\x1b[A\r");  // up: /quit, /system, /system Be kind.
  EXPECT_TRUE(terminal->wait_for("next answer on)")) << terminal->unread();
  ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
  terminal->type(kCtrlD);
  EXPECT_EQ(terminal->wait_for_end(), 0);
}

TEST_F(Chat, TabCompletesCommands) {
  auto terminal = open();
  terminal->type("/qu\t\r");
  EXPECT_EQ(terminal->wait_for_end(), 0);
}

TEST_F(Chat, MessagesOfSeveralLinesArriveWhole) {
  auto terminal = open({"--max-tokens", "3"});
  terminal->type("\"\"\"first\r");
  ASSERT_TRUE(terminal->wait_for(". ")) << terminal->unread();
  terminal->type("second\"\"\"\r");
  ASSERT_TRUE(terminal->wait_for("allows more)")) << terminal->unread();
  terminal->type("\x1b[200~third\rfourth\r\x1b[201~\r");  // pasted
  ASSERT_TRUE(terminal->wait_for("allows more)")) << terminal->unread();
  terminal->type("fifth\x1b\rsixth\r");  // Alt-Enter
  ASSERT_TRUE(terminal->wait_for("allows more)")) << terminal->unread();
  terminal->type("/save " + folder_.path("c.json") + "\r");
  ASSERT_TRUE(terminal->wait_for("(6 messages")) << terminal->unread();
  const auto messages = nlohmann::json::parse(read_file(folder_.path("c.json")))["messages"];
  EXPECT_EQ(messages[0]["content"], "first\nsecond");
  EXPECT_EQ(messages[2]["content"], "third\nfourth");
  EXPECT_EQ(messages[4]["content"], "fifth\nsixth");
}

TEST_F(Chat, ForgetsTheBeginningWhereTheContextIsFullAndSaysSo) {
  auto terminal = open({"--context", "256", "--max-tokens", "30", "--ignore-eos"});
  for (int turn = 0; turn < 3; ++turn) {  // 30 for the system's turn, 45 for each of these
    terminal->type("Tell me something about stones.\r");
    ASSERT_TRUE(terminal->wait_for("/set max-tokens N allows more)")) << terminal->unread();
    ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
  }
  std::string long_question;
  for (int i = 0; i < 70; ++i) long_question += "word ";
  terminal->type(long_question + "\r");
  ASSERT_TRUE(terminal->wait_for("the context of 256 tokens is full: the model no longer sees the first"))
      << terminal->unread();
  ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
  for (int i = 0; i < 200; ++i) long_question += "word ";
  terminal->type("\x1b[200~" + long_question + "\x1b[201~\r");  // does not fit alone: refused, and the chat goes on
  ASSERT_TRUE(terminal->wait_for("256")) << terminal->unread();
  ASSERT_TRUE(terminal->wait_for("> ")) << terminal->unread();
  terminal->type("/quit\r");
  EXPECT_EQ(terminal->wait_for_end(), 0);
}

TEST_F(Chat, CommandsChangeTheConversation) {
  auto terminal = open({"--max-tokens", "8"});
  const auto expect = [&](const std::string& keys, const std::string& said) {
    terminal->type(keys + "\r");
    EXPECT_TRUE(terminal->wait_for(said)) << keys << ": " << terminal->unread();
    EXPECT_TRUE(terminal->wait_for("> "));
  };
  expect("/help", "/regen");
  expect("/bogus", "no such command");
  expect("/claer", "did you mean /clear?");
  expect("/set temperature warm", "temperature");
  expect("/set max-tokens 5", "");
  expect("/set", "max-tokens            5");
  expect("Name a colour.", "\r\n");
  expect("/stats", "answer ");
  expect("/regen", "\r\n");
  expect("/save " + folder_.path("c.json"), "(2 messages");
  expect("/undo", "0 messages left");
  expect("/load " + folder_.path("c.json"), "(2 messages");
  expect("/load " + folder_.path("none.json"), "none.json");
  expect("/clear", "(a new conversation)");
  terminal->type("/quit\r");
  EXPECT_EQ(terminal->wait_for_end(), 0);
}

TEST_F(Chat, ReadsLinesFromAPipe) {
  const Outcome outcome = orrery({"chat", *smollm2(), "--temperature", "0", "--max-tokens", "12"},
                                 "Say hello.\n/save " + folder_.path("c.json") + "\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(read_file(folder_.path("c.json")))["messages"].size(), 2u);
  EXPECT_EQ(outcome.out.find('\x1b'), std::string::npos);
}

TEST(ChatWithoutTemplate, IsRefusedWithAdvice) {
  ORRERY_NEEDS(stories, shared("data/weights/stories260K/stories260K.gguf"), "../shared/data is missing");
  const Outcome outcome = orrery({"chat", *stories}, "hello\n");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("--raw"), std::string::npos) << outcome.err;
}

TEST(RunAtATerminal, CtrlCStopsTheAnswerAndTheProgram) {
  ORRERY_NEEDS(model, smollm2(), "the default model is missing: setup/fetch.sh smollm2");
  Terminal terminal(
      {"run", *model, "Count from one to one thousand.", "--ignore-eos", "--temperature", "0", "--quiet"});
  ASSERT_TRUE(terminal.wait_for(" ")) << terminal.unread();
  terminal.type(kCtrlC);
  EXPECT_EQ(terminal.wait_for_end(), 130);
}

TEST(QuantizeKilled, LeavesAWholeFileOrNone) {
  ORRERY_NEEDS(model, smollm2(), "the default model is missing: setup/fetch.sh smollm2");
  const TemporaryFolder folder;
  // SIGTERM at several moments: before, while and maybe after the file is written.
  for (const char* delay : {"0.02", "0.1", "0.3"}) {
    const std::string output = folder.path(std::string("q") + delay + ".gguf");
    const Outcome outcome =
        shell("orrery quantize " + *model + " " + output + " --type Q8_0 --allow-requantize --quiet & sleep " + delay +
              "; kill -TERM $!; wait $!");
    EXPECT_TRUE(outcome.exit_code == 143 || outcome.exit_code == 0) << outcome.exit_code << outcome.err;
  }
  for (const std::string& name : folder.names()) {
    EXPECT_TRUE(name.ends_with(".gguf")) << name;
    EXPECT_EQ(orrery({"inspect", folder.path(name)}).exit_code, 0) << name;
  }
}

}  // namespace
}  // namespace orrery::cli_test
