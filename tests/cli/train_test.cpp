// orrery train, on a model of 260,000 weights that learns in seconds.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

constexpr const char* kRecords = R"({"prompt": "The cat is", "completion": " very blue today."}
{"prompt": "The dog is", "completion": " green and tall."}
{"prompt": "The bird is", "completion": " made of stone."}
{"prompt": "The fish is", "completion": " in the red car."}
)";
constexpr const char* kPairs =
    R"({"prompt": "The cat is", "chosen": " very blue today.", "rejected": " black."}
{"prompt": "The dog is", "chosen": " green and tall.", "rejected": " a big dog and it was happy."}
{"prompt": "The bird is", "chosen": " made of stone.", "rejected": " in the tree."}
{"prompt": "The fish is", "chosen": " in the red car.", "rejected": " wet."}
)";

class Train : public testing::Test {
 protected:
  void SetUp() override {
    model_ = shared("data/weights/stories260K/stories260K.gguf");
    if (!model_) GTEST_SKIP() << "no ../shared/data/weights/stories260K";
    data_ = folder_.file("records.jsonl", kRecords);
  }
  Words command(const std::string& method, const std::string& run, const Words& more = {}) const {
    Words words = {"train", method, "--model", *model_, "--data", data_, "--out", folder_.path(run), "-q"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::vector<nlohmann::json> metrics(const std::string& run) const {
    std::vector<nlohmann::json> all;
    std::istringstream lines(read_file(folder_.path(run) + "/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  static std::string answer(const Words& model) {
    Words words = {"run"};
    words.insert(words.end(), model.begin(), model.end());
    for (const char* more : {"The cat is", "--raw", "--temperature", "0", "--max-tokens", "12"})
      words.emplace_back(more);
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out;
  }

  TemporaryFolder folder_;
  std::optional<std::string> model_;
  std::string data_;
};

TEST_F(Train, AnAdapterThatRunLoads) {
  const std::string merged = folder_.path("merged.gguf");
  const Outcome outcome = orrery(command(
      "sft", "run",
      {"--use-peft", "--max-steps", "80", "--learning-rate", "2e-2", "--logging-steps", "1", "--export", merged}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto all = metrics("run");
  ASSERT_EQ(all.size(), 80u);
  EXPECT_GT(all.front().at("loss"), 4);
  EXPECT_LT(all.back().at("loss"), 0.2 * all.front().at("loss").get<double>());
  const std::string learned = "very blue today";
  EXPECT_NE(answer({*model_, "--adapter", folder_.path("run/adapter")}).find(learned), std::string::npos);
  EXPECT_NE(answer({merged}).find(learned), std::string::npos);
  EXPECT_EQ(answer({*model_}).find(learned), std::string::npos);
}

TEST_F(Train, QuietSaysNothing) {
  Words words = command("sft", "quiet", {"--use-peft", "--max-steps", "2"});
  const Outcome quiet = orrery(words);
  EXPECT_EQ(quiet.exit_code, 0);
  EXPECT_EQ(quiet.out, "");
  EXPECT_EQ(quiet.err, "");
  std::erase(words, "-q");
  std::ranges::replace(words, folder_.path("quiet"), folder_.path("loud"));
  const Outcome loud = orrery(words);
  EXPECT_EQ(loud.exit_code, 0);
  EXPECT_NE(loud.out.find("2 steps"), std::string::npos) << loud.out;  // progress shows where it takes longer
}

/// The engine runs it merged; unmerged it is refused by name.
TEST_F(Train, DoraIsMergedBeforeItRuns) {
  const std::string exported = folder_.path("exported.gguf"), learned = "very blue today";
  const Outcome outcome = orrery(command("sft", "run",
                                         {"--use-peft", "--use-dora", "--lora-dropout", "0.05", "--max-steps", "80",
                                          "--learning-rate", "2e-2", "--logging-steps", "1", "--export", exported}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(answer({exported}).find(learned), std::string::npos);
  const std::string adapter = folder_.path("run/adapter"), merged = folder_.path("merged.gguf");
  const Outcome refused = orrery({"run", *model_, "The cat is", "--raw", "--adapter", adapter});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("DoRA"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("orrery merge"), std::string::npos) << refused.err;
  const Outcome merging = orrery({"merge", *model_, adapter, "--out", merged});
  ASSERT_EQ(merging.exit_code, 0) << merging.err;
  EXPECT_NE(answer({merged}).find(learned), std::string::npos);
}

/// Zhang et al. 2023 and V2 (Gao et al. 2023): new ones learn, run loads what was written, and they learn on.
TEST_F(Train, LlamaAdaptersThatRunLoads) {
  const std::string learned = "very blue today";
  for (const char* version : {"v1", "v2"}) {
    SCOPED_TRACE(version);
    const std::string run = std::string("run-") + version, adapter = folder_.path(run + "/adapter");
    const Outcome outcome = orrery(command("sft", run,
                                           {"--llama-adapter", version, "--adapter-layer", "4", "--max-steps", "150",
                                            "--learning-rate", "3e-2", "--logging-steps", "1"}));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto all = metrics(run);
    EXPECT_LT(all.back().at("loss"), 0.5 * all.front().at("loss").get<double>());
    if (version == std::string("v2")) {
      EXPECT_NE(answer({*model_, "--adapter", adapter}).find(learned), std::string::npos);
    }
    EXPECT_NE(answer({*model_, "--adapter", adapter}), answer({*model_}));
    const std::string on = run + "-on";
    ASSERT_EQ(orrery(command("sft", on, {"--adapter", adapter, "--max-steps", "1", "--logging-steps", "1"})).exit_code,
              0);
    EXPECT_LT(metrics(on).front().at("loss"), 1.1 * all.back().at("loss").get<double>() + 0.05);
  }
  for (const auto& [more, parts] :
       {std::pair{Words{"--use-peft"}, Words{"llama_adapter", "use_peft"}},
        {Words{"--export", folder_.path("merged.gguf")}, Words{"export", "merged"}},
        {Words{"--adapter", folder_.path("run-v1/adapter")}, Words{"llama_adapter", "learns on"}}}) {
    Words words = command("sft", "refused", {"--llama-adapter", "v1"});
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 2);
    for (const std::string& part : parts) EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
  }
  const Outcome grpo = orrery(command(
      "grpo", "refused",
      {"--adapter", folder_.path("run-v1/adapter"), "--max-steps", "1", "--reward-command", "awk '{ print 1 }'"}));
  EXPECT_EQ(grpo.exit_code, 2);
  EXPECT_NE(grpo.err.find("LLaMA-Adapter"), std::string::npos) << grpo.err;
}

/// What dropout leaves out follows from the step alone.
TEST_F(Train, DropoutResumesBitForBit) {
  const auto run = [&](const std::string& name, const std::string& p) {
    return orrery(command(
        "sft", name,
        {"--use-peft", "--lora-dropout", p, "--max-steps", "6", "--save-steps", "3", "--learning-rate", "1e-2"}));
  };
  const auto weights = [&](const std::string& name) {
    return read_file(folder_.path(name + "/adapter/adapter_model.safetensors"));
  };
  ASSERT_EQ(run("whole", "0.3").exit_code, 0);
  ASSERT_EQ(run("plain", "0").exit_code, 0);
  EXPECT_NE(weights("whole"), weights("plain"));
  std::filesystem::copy(folder_.path("whole"), folder_.path("cut"), std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(folder_.path("cut/checkpoint-6"));
  std::filesystem::remove_all(folder_.path("cut/adapter"));
  const Outcome resumed = orrery({"train", "sft", "--resume", "-q", "--out", folder_.path("cut")});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(weights("cut"), weights("whole"));
}

TEST_F(Train, AllWeightsToAHubFolder) {
  const Outcome outcome = orrery(command("sft", "run", {"--max-steps", "60", "--learning-rate", "2e-3"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(answer({folder_.path("run/model")}).find("very blue today"), std::string::npos);
  const std::string settings = read_file(folder_.path("run/config.toml"));
  for (const char* line : {"method = 'sft'", "max_steps = 60\n", "learning_rate = 0.002\n", "seed = 42\n"})
    EXPECT_NE(settings.find(line), std::string::npos) << line << "\n" << settings;
}

/// Each method does what it is for within a few steps.
TEST_F(Train, EveryMethodOfPreferences) {
  data_ = folder_.file("pairs.jsonl", kPairs);
  for (const char* method : {"dpo", "orpo", "simpo", "kto", "reward"}) {
    SCOPED_TRACE(method);
    const Outcome outcome =
        orrery(command(method, method, {"--max-steps", "15", "--learning-rate", "1e-3", "--logging-steps", "1"}));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto all = metrics(method);
    ASSERT_EQ(all.size(), 15u);
    EXPECT_LT(all.back().at("loss"), 0.75 * all.front().at("loss").get<double>());
    if (method == std::string("reward")) {
      EXPECT_EQ(all.back().at("accuracy"), 1);
    } else {
      EXPECT_GT(all.back().at("rewards/chosen").get<double>() - all.back().at("rewards/rejected").get<double>(),
                all.front().at("rewards/chosen").get<double>() - all.front().at("rewards/rejected").get<double>());
    }
  }
}

/// A reward for every "e", from a program and from a model of it.
TEST_F(Train, EveryMethodThatDrawsAnswers) {
  const std::string counts = R"(awk '{ print gsub(/e/, "") }')";
  for (const char* method : {"ppo", "rloo", "grpo"}) {
    SCOPED_TRACE(method);
    const Outcome outcome =
        orrery(command(method, method,
                       {"--max-steps", "48", "--learning-rate", "3e-3", "--logging-steps", "4", "--response-length",
                        "16", "--num-generations", "8", "--reward-command", counts}));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const auto all = metrics(method);
    EXPECT_GT(all.back().at("objective/scores").get<double>(), 1.3 * all.front().at("objective/scores").get<double>());
  }
  data_ = folder_.file("pairs.jsonl", kPairs);
  ASSERT_EQ(orrery(command("reward", "reward", {"--max-steps", "10", "--learning-rate", "1e-3"})).exit_code, 0);
  data_ = folder_.file("prompts.jsonl", kRecords);
  const Outcome outcome = orrery(command(
      "ppo", "from-model",
      {"--max-steps", "8", "--response-length", "8", "--use-peft", "--reward-model", folder_.path("reward/model")}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const Outcome failing = orrery(command("ppo", "failing", {"--max-steps", "4", "--reward-command", "head -1"}));
  EXPECT_EQ(failing.exit_code, 2);
  EXPECT_NE(failing.err.find("a number"), std::string::npos) << failing.err;
}

TEST_F(Train, SettingsComeFromAFileAndOptionsCountMore) {
  const std::string config =
      folder_.file("run.toml", "method = \"sft\"\nmodel = \"" + *model_ + "\"\ndata = \"" + data_ +
                                   "\"\nlearning_rate = 1e-3\nmax_steps = 5\nlogging_steps = 1\n");
  const Outcome outcome = orrery({"train", "sft", "--config", config, "--out", folder_.path("run"), "-q", "--max-steps",
                                  "2", "--lr-scheduler-type", "constant"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto all = metrics("run");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[1].at("learning_rate"), 1e-3);
}

/// Killed at any moment, a run goes on to the same weights.
TEST_F(Train, SurvivesKillNine) {
  const Words settings = {"--max-steps", "300", "--save-steps", "7", "--learning-rate", "1e-3", "--logging-steps", "1"};
  ASSERT_EQ(orrery(command("sft", "whole", settings)).exit_code, 0);
  std::string line = "orrery";
  for (const std::string& word : command("sft", "killed", settings)) line += " '" + word + "'";
  const std::string folder = folder_.path("killed");
  std::mt19937 random(7);
  int killed = 0;
  for (unsigned i = 0; i < 20; ++i) {  // each when a few more steps are done, and a moment later
    const unsigned steps = 13 * (i + 1) + random() % 10;
    const Outcome outcome = shell((i == 0 ? line : "orrery train sft --resume -q --out '" + folder + "'") +
                                  " & p=$!; while kill -0 $p 2>/dev/null && [ \"$(cat '" + folder +
                                  "/metrics.jsonl' 2>/dev/null | wc -l)\" -lt " + std::to_string(steps) +
                                  " ]; do sleep 0.01; done; sleep 0.0" + std::to_string(random() % 10) +
                                  "; kill -9 $p 2>/dev/null; wait $p; echo $?");
    killed += outcome.out.find("137") != std::string::npos;
  }
  EXPECT_GT(killed, 10);
  const Outcome last = orrery({"train", "sft", "--resume", "-q", "--out", folder_.path("killed")});
  ASSERT_EQ(last.exit_code, 0) << last.err;
  EXPECT_EQ(read_file(folder_.path("killed/model/model.safetensors")),
            read_file(folder_.path("whole/model/model.safetensors")));
  const auto all = metrics("killed");
  ASSERT_EQ(all.size(), 300u);
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].at("step"), i + 1);
}

TEST_F(Train, ARunIsNotOverwritten) {
  ASSERT_EQ(orrery(command("sft", "run", {"--max-steps", "1"})).exit_code, 0);
  const Outcome again = orrery(command("sft", "run", {"--max-steps", "1"}));
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("--resume"), std::string::npos) << again.err;
}

TEST_F(Train, SaysWhatIsWrong) {
  const auto expect_refused = [&](const Words& words, const Words& parts) {
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
    for (const std::string& part : parts)
      EXPECT_NE(outcome.err.find(part), std::string::npos) << part << ": " << outcome.err;
    EXPECT_FALSE(std::filesystem::exists(folder_.path("run")));
  };
  expect_refused(command("sft", "run", {"--loss-type", "ipo"}), {"loss_type", "another method", "sft"});
  expect_refused(command("dpo", "run", {"--loss-type", "ipq"}), {"loss_type", "ipq", "sigmoid", "ipo"});
  expect_refused(command("sft", "run", {"--learning-rate", "fast"}), {"learning_rate", "fast", "number"});
  expect_refused(command("sft", "run", {"--lerning-rate", "1"}), {"--lerning-rate", "--learning-rate"});
  expect_refused(command("sft", "run", {"--export", folder_.path("no/such/file.gguf")}), {"export", "no/such"});
  expect_refused(command("sft", "run", {"--packing"}), {"packing", "max_length = 0"});
  expect_refused(command("sft", "run", {"--per-device-train-batch-size", "0"}), {"per_device_train_batch_size"});
  expect_refused(command("sft", "run", {"--use-peft", "--lora-target-modules", "query_proj"}),
                 {"query_proj", "q_proj"});
  expect_refused(command("sfd", "run"), {"sft"});
  expect_refused({"train", "sft", "--out", folder_.path("run"), "--data", data_}, {"model"});
  expect_refused({"train", "sft", "--out", folder_.path("run"), "--model", "no-such", "--data", data_}, {"no-such"});
  const std::string config = folder_.file("bad.toml", "method = \"sft\"\nmax_steps = \"ten\"\n");
  expect_refused({"train", "sft", "--out", folder_.path("run"), "--config", config},
                 {"bad.toml", "line 2", "max_steps", "ten"});
  data_ = folder_.file("bad.jsonl", std::string(kRecords) + "{\"prompt\": \"x\"}\nno json\n");
  expect_refused(command("sft", "run"), {"2 of 6 rows", "row 5", "completion", "row 6", "--skip-bad"});
  EXPECT_EQ(orrery(command("sft", "run", {"--skip-bad", "--max-steps", "1"})).exit_code, 0);
}

}  // namespace
}  // namespace orrery::cli_test
