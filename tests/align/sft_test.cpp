#include "orrery/align/sft.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "tests/text/tiny_model.h"

namespace orrery::align {
namespace {

class Sft : public testing::Test {
 protected:
  Sft() { text::write_tiny_model(folder_.path(), text::tiny_config()); }
  std::shared_ptr<nn::Decoder> model() const {
    return std::make_shared<nn::Decoder>(*text::Checkpoint::open(folder_.path().string()));
  }
  /// Questions 10 + i answered by 40 + i, twice.
  static std::vector<LearnedTokens> records() {
    std::vector<LearnedTokens> all;
    for (int32_t i = 0; i < 10; ++i) {
      LearnedTokens record{{1, 10 + i, 3, 40 + i, 40 + i}, {false, false, false, true, true}};
      for (int32_t more = 0; more < i % 3; ++more) record.tokens.push_back(5), record.learned.push_back(false);
      all.push_back(record);
    }
    return all;
  }
  static BatchOptions batches_of(int64_t size, int64_t micro_batch_tokens = 2048) {
    return {.per_device_train_batch_size = size, .micro_batch_tokens = micro_batch_tokens};
  }
  std::vector<double> losses(const std::string& run) const {
    std::vector<double> all;
    std::istringstream lines(read_text(folder_ / run / "metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line).at("loss"));
    return all;
  }
  train::LoopOptions loop(const std::string& run, int64_t steps) const {
    return {.max_steps = steps, .learning_rate = 3e-3, .logging_steps = 1, .output_dir = folder_ / run};
  }
  text::TempFolder folder_;
};

TEST_F(Sft, LearnsItsRecordsAndNothingElse) {
  const auto decoder = model();
  SftTask task(decoder, records(), batches_of(5));
  train::run(task, loop("run", 60));
  const std::vector<double> all = losses("run");
  EXPECT_GT(all.front(), 3);
  EXPECT_LT(all.back(), 0.1 * all.front());
  at::NoGradGuard guard;
  const nn::PackedRows rows(std::vector<std::vector<text::TokenId>>{{1, 14, 3}});
  EXPECT_EQ(decoder->logits(decoder->hidden(rows))[2].argmax().item<int64_t>(), 44);
}

TEST_F(Sft, MicroBatchesChangeNothing) {
  const auto whole = model(), cut = model();
  SftTask whole_task(whole, records(), batches_of(5)), cut_task(cut, records(), batches_of(5, 8));
  EXPECT_EQ(whole_task.begin_step(0).size(), 1u);
  EXPECT_GT(cut_task.begin_step(0).size(), 2u);
  train::run(whole_task, loop("whole", 4));
  train::run(cut_task, loop("cut", 4));
  const std::vector<double> a = losses("whole"), b = losses("cut");
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-5) << i;
}

TEST_F(Sft, AnEpochSeesEveryRecordOnceInAnOrderOfItsOwn) {
  const SftTask task(model(), records(), batches_of(4));
  EXPECT_EQ(task.batches().steps_per_epoch(), 3);
  const auto epoch = [&](int64_t number) {
    std::vector<size_t> all;
    for (int64_t step = 3 * number; step < 3 * number + 3; ++step)
      for (const size_t record : task.batches().records_of(step)) all.push_back(record);
    return all;
  };
  for (const int64_t number : {0, 1}) {
    const std::vector<size_t> all = epoch(number);
    EXPECT_EQ(std::set<size_t>(all.begin(), all.end()).size(), 10u);
    EXPECT_EQ(all.size(), 10u);
  }
  EXPECT_NE(epoch(0), epoch(1));
  EXPECT_EQ(epoch(1), epoch(1));
}

TEST_F(Sft, ABatchCountsPacksWhereThereAreAny) {
  const Packs packs = {{3, 7}, {0}, {9, 1, 2}};
  BatchOptions options = batches_of(2);
  options.shuffle = false;
  SftTask packed(model(), records(), options, {}, packs);
  EXPECT_EQ(packed.steps_per_epoch(), 2);
  packed.begin_step(0);
  EXPECT_EQ(packed.tokens_of_step(), 5 + 6 + 5);  // of records 3, 7 and 0
  // The last batch has one pack, and the loss of its records.
  BatchOptions all = batches_of(3);
  all.shuffle = false;
  SftTask alone(model(), {records()[9], records()[1], records()[2]}, all);
  train::Metrics sums;
  EXPECT_EQ(packed.begin_step(1), (std::vector<double>{6}));
  EXPECT_EQ(alone.begin_step(0), (std::vector<double>{6}));
  EXPECT_NEAR(packed.loss_sum(1, 0, sums).item<double>(), alone.loss_sum(0, 0, sums).item<double>(), 1e-5);
}

TEST_F(Sft, ARecordThatTeachesNothingIsRefused) {
  std::vector<LearnedTokens> all = records();
  all[3].learned.assign(all[3].learned.size(), false);
  all[3].learned[0] = true;  // nothing comes before it
  try {
    SftTask(model(), all, {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("record 4"), std::string::npos);
  }
}

}  // namespace
}  // namespace orrery::align
