// orrery plan: the numbers that do not depend on the machine, and what it refuses.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

using nlohmann::json;

const std::string kMixture = std::string(ORRERY_SOURCE_DIR) + "/examples/plan/mixture-16x111b.json";

TEST(Plan, OfAMixtureThatNobodyHasAtHome) {
  const Outcome outcome =
      orrery({"plan", kMixture, "--type", "Q4_0", "--threads", "1", "--json", "--price-per-hour", "2"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const json plan = json::parse(outcome.out);
  // 120 layers of 16 experts of 3 · 14336 · 21504, 2 · 14336² + 2 · 128 · 14336 of attention, router and two norms;
  // 2 · 100352 · 14336 of embeddings and head, and a norm.
  const int64_t expert = int64_t{3} * 14336 * 21504;
  const int64_t shared = 120 * (int64_t{2} * 14336 * 14336 + 2 * 128 * 14336 + 16 * 14336 + 2 * 14336) +
                         int64_t{2} * 100352 * 14336 + 14336;
  EXPECT_EQ(plan["parameters"], 120 * 16 * expert + shared);
  EXPECT_EQ(plan["active_parameters"], 120 * 2 * expert + shared);
  EXPECT_EQ(plan["cache_bytes_per_token"], 120 * 2 * 128 * 2) << "one head of keys and values, float16";
  const json& row = plan["types"].at(0);
  EXPECT_EQ(row["type"], "Q4_0");
  const double rate = row["decode_tokens_per_second"];
  EXPECT_NEAR(double(row["decode_price_per_million_tokens"]) * rate, 2 / 3600.0 * 1e6, 1e-3);
}

TEST(Plan, RefusesWhatItCannotPlan) {
  const TemporaryFolder folder;
  const Outcome unknown = orrery({"plan", folder.file("config.json", R"({"model_type": "robot"})")});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("robot"), std::string::npos) << unknown.err;
  EXPECT_EQ(orrery({"plan", kMixture, "--type", "Q9"}).exit_code, 2);
  EXPECT_EQ(orrery({"plan", kMixture, "--watts", "65"}).exit_code, 2) << "without a price of energy";
}

}  // namespace
}  // namespace orrery::cli_test
