#include "orrery/train/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "orrery/base/file.h"
#include "tests/text/tiny_model.h"
#include "tests/train/regression.h"

namespace orrery::train {
namespace {

/// What stands between two marks.
std::string between(const std::string& page, const std::string& first, const std::string& last) {
  const size_t from = page.find(first) + first.size();
  EXPECT_GE(from, first.size());
  return page.substr(from, page.find(last, from) - from);
}

nlohmann::json data_of(const std::string& page) {
  return nlohmann::json::parse(between(page, "<script id=\"data\" type=\"application/json\">", "</script>"));
}

TEST(Report, HoldsCurvesAndSettings) {
  const text::TempFolder folder;
  const auto run = folder / "a<b & {{data}}";
  std::filesystem::create_directories(run);
  AtomicFile lines(run / "metrics.jsonl");
  lines.write("{\"step\":1,\"loss\":3.5}\n{\"step\":2,\"loss\":null,\"eval_</script>\":1}\n{\"step\":4,\"loss\":2}\n");
  lines.commit();
  write_report(run, "a = \"<b> & {{title}}\"\n", {.global_step = 4, .best_metric = 1.5, .best_global_step = 2}, 9);
  const std::string page = read_text(run / "report.html");
  const nlohmann::json expected{{"steps", {1, 2, 4}},
                                {"metrics", {{"loss", {3.5, nullptr, 2}}, {"eval_</script>", {nullptr, 1, nullptr}}}},
                                {"done", 4},
                                {"of", 9},
                                {"best", {{"metric", 1.5}, {"step", 2}}}};
  EXPECT_EQ(data_of(page), expected);
  text::expect_contains(page,
                        {"<h1>a&lt;b &amp; {{data}}</h1>", "<pre>a = \"&lt;b> &amp; {{title}}\"\n</pre>", "uPlot"});
}

// Nothing is fetched: no address stands where a browser would follow one without being asked.
TEST(Report, AsksNobodyForAnything) {
  const text::TempFolder folder;
  Regression task({12});
  run(task, {.max_steps = 2, .output_dir = folder.path(), .settings = "learning_rate = 5e-05"});
  const std::string page = read_text(folder / "report.html");
  for (const char* fetching : {"src=", "url(", "@import", "fetch(", "XMLHttpRequest", "<link rel=\"stylesheet\""})
    EXPECT_EQ(page.find(fetching), std::string::npos) << fetching;
  text::expect_contains(page, {"default-src 'none'", "learning_rate = 5e-05"});
  EXPECT_EQ(data_of(page)["steps"], nlohmann::json({2}));
  EXPECT_EQ(page.find("{{"), std::string::npos);
}

}  // namespace
}  // namespace orrery::train
