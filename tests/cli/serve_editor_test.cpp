// Neovim fills a gap in code with llama.vim's requests (tests/editors/fill.vim).
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/gap_model.h"
#include "tests/cli/server.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;

const std::string kLine = "    return ";

class ServeEditor : public testing::Test {
 protected:
  void SetUp() override {
    if (!smollm2()) GTEST_SKIP() << "needs the default model: setup/fetch.sh smollm2";
    if (shell("command -v nvim curl").exit_code != 0) GTEST_SKIP() << "needs nvim and curl (packages neovim, curl)";
  }
  // Neovim at the end of kLine in a file of these texts. Its words, and the file afterwards.
  Outcome fill(const Server& server) {
    file_ = folder_.file("add.py", kAbove + kLine + kBehind);
    return shell(
        "cd '" + folder_.path("") + "' && XDG_STATE_HOME=. XDG_CONFIG_HOME=. XDG_DATA_HOME=. " +
        "ORRERY_ENDPOINT=http://127.0.0.1:" + std::to_string(server.port()) +
        "/infill timeout 120 nvim --headless --clean -n add.py -c 'call cursor(2, 12) | set virtualedit=onemore' "
        "-c 'call cursor(2, 12)' -S '" ORRERY_SOURCE_DIR "/tests/editors/fill.vim' </dev/null");
  }

  TemporaryFolder folder_;
  std::string file_;
};

TEST_F(ServeEditor, FillsTheGapAtTheCursor) {
  Server server({model_for_gaps(folder_), "--context", "1024"});
  const Outcome outcome = fill(server);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.out << outcome.err;
  const json extra = {{{"text", "def twice(x):\n    return 2 * x\n"}, {"filename", "other.py"}}};
  const std::string content = server.post("/infill", {{"input_prefix", kAbove},
                                                      {"input_suffix", kBehind},
                                                      {"input_extra", extra},
                                                      {"prompt", kLine},
                                                      {"n_predict", 24},
                                                      {"n_indent", 4},
                                                      {"temperature", 0}})["content"];
  EXPECT_FALSE(content.empty());
  EXPECT_EQ(read_file(file_), kAbove + kLine + content + kBehind);
}

TEST_F(ServeEditor, IsToldWhyAModelCannotFillIt) {
  const Outcome outcome = fill(Server({*smollm2(), "--context", "512"}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_NE(outcome.err.find("no tokens for it"), std::string::npos) << outcome.out << outcome.err;
  EXPECT_EQ(read_file(file_), kAbove + kLine + kBehind);
}

}  // namespace
}  // namespace orrery::cli_test
