// orrery scene train and render, on small pictures of a rendered scene.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "orrery/formats/safetensors.h"
#include "tests/cli/program.h"

namespace orrery::cli_test {
namespace {

class SceneTrain : public testing::Test {
 protected:
  void SetUp() override {
    glossy_ = shared("scenes/glossy");
    if (!glossy_) GTEST_SKIP() << "no ../shared/scenes/glossy";
  }
  Words command(const std::string& run, const Words& more = {}) const {
    Words words = {"scene",
                   "train",
                   *glossy_,
                   "--out",
                   folder_.path(run),
                   "--downscale",
                   "4",
                   "--random-points",
                   "400",
                   "--densify-from-iter",
                   "20",
                   "--densification-interval",
                   "20",
                   "--logging-steps",
                   "10",
                   "-q"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  std::vector<nlohmann::json> metrics(const std::string& run) const {
    std::vector<nlohmann::json> all;
    std::istringstream lines(read_file(folder_.path(run) + "/metrics.jsonl"));
    for (std::string line; std::getline(lines, line);) all.push_back(nlohmann::json::parse(line));
    return all;
  }
  void expect_refusal(const Words& words, std::initializer_list<const char*> parts) const {
    const Outcome outcome = orrery(words);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
    EXPECT_EQ(lines(outcome.err), 1u) << outcome.err;
    for (const char* part : parts) EXPECT_NE(outcome.err.find(part), std::string::npos) << part << ": " << outcome.err;
  }

  TemporaryFolder folder_;
  std::optional<std::string> glossy_;
};

TEST_F(SceneTrain, PhotosBecomeASceneThatIsDrawn) {
  const Outcome outcome = orrery(command("run", {"--max-steps", "120", "--eval-steps", "60"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  const auto all = metrics("run");
  ASSERT_EQ(all.size(), 12u);
  EXPECT_LT(all.back().at("loss"), 0.7 * all.front().at("loss").get<double>());
  EXPECT_GT(all.back().at("eval_psnr"), 14);
  EXPECT_GT(all.back().at("gaussians"), 400);  // it grew

  const Outcome info = orrery({"scene", "info", folder_.path("run/scene.ply"), "--json"});
  ASSERT_EQ(info.exit_code, 0) << info.err;
  EXPECT_EQ(nlohmann::json::parse(info.out).at("sh_degree"), 3);
  const Outcome render = orrery({"scene", "render", folder_.path("run/scene.ply"), "--out", folder_.path("views"),
                                 "--cameras", folder_.path("run/cameras.json"), "-q"});
  ASSERT_EQ(render.exit_code, 0) << render.err;
  EXPECT_TRUE(std::filesystem::exists(folder_.path("views/test_r_003.png")));
  EXPECT_TRUE(std::filesystem::exists(folder_.path("run/test/test_r_003.png")));
  EXPECT_EQ(read_file(folder_.path("views/test_r_003.png")).substr(1, 3), "PNG");
}

TEST_F(SceneTrain, AResumedRunIsTheSame) {
  ASSERT_EQ(orrery(command("whole", {"--max-steps", "60", "--eval-steps", "0"})).exit_code, 0);
  ASSERT_EQ(orrery(command("halves", {"--max-steps", "37", "--eval-steps", "0"})).exit_code, 0);
  expect_refusal(command("halves", {"--max-steps", "60"}), {"halves", "--resume"});
  const Outcome resumed =
      orrery({"scene", "train", "--out", folder_.path("halves"), "--resume", "--max-steps", "60", "-q"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(read_file(folder_.path("halves/scene.ply")), read_file(folder_.path("whole/scene.ply")));
}

TEST_F(SceneTrain, CorrectedPosesAreLeftBesideTheScene) {
  ASSERT_EQ(orrery(command("given", {"--max-steps", "1", "--eval-steps", "0"})).exit_code, 0);
  ASSERT_EQ(orrery(command("corrected", {"--max-steps", "60", "--eval-steps", "0", "--pose-lr", "0.001"})).exit_code,
            0);
  const auto given = nlohmann::json::parse(read_file(folder_.path("given/cameras.json"))),
             corrected = nlohmann::json::parse(read_file(folder_.path("corrected/cameras.json")));
  ASSERT_EQ(given.size(), corrected.size());
  for (size_t i = 0; i < given.size(); ++i) {
    const bool held_out = given[i].at("img_name").get<std::string>().find("test") != std::string::npos;
    EXPECT_EQ(given[i].at("position") == corrected[i].at("position"), held_out) << given[i];
  }
}

TEST_F(SceneTrain, ExposuresAreLeftBesideTheScene) {
  const Outcome outcome = orrery(command("run", {"--max-steps", "60", "--eval-steps", "0", "--exposure"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto exposures = nlohmann::json::parse(read_file(folder_.path("run/exposure.json")));
  EXPECT_EQ(exposures.size(), 40u);  // the training photos
  const auto& one = exposures.begin().value();
  ASSERT_EQ(one.size(), 3u);
  for (const auto& row : one) EXPECT_EQ(row.size(), 4u);
  EXPECT_NE(one[0][0], 1);
  EXPECT_NEAR(one[0][0].get<double>(), 1, 0.2);
}

TEST_F(SceneTrain, GridsAreLearnedToo) {
  const Outcome outcome =
      orrery(command("run", {"--max-steps", "60", "--eval-steps", "0", "--bilateral-grid", "--save-steps", "60"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(read_file(folder_.path("run/config.toml")).find("bilateral_grid = true"), std::string::npos);
  expect_refusal(command("both", {"--bilateral-grid", "--exposure"}), {"bilateral_grid", "exposure", "one of the two"});
}

/// A network of torchvision's alexnet with weights by chance, and the metric's.
std::string random_alexnet(const std::string& path, std::vector<int64_t> channels) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> draw(-0.1f, 0.1f);
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes = {{"0", {64, 3, 11, 11}},
                                                                      {"3", {192, 64, 5, 5}},
                                                                      {"6", {384, 192, 3, 3}},
                                                                      {"8", {256, 384, 3, 3}},
                                                                      {"10", {256, 256, 3, 3}}};
  std::vector<TensorView> views;
  std::vector<std::vector<float>> values;
  const auto add = [&](const std::string& name, const std::vector<int64_t>& shape) {
    TensorView& view = views.emplace_back(TensorView{.name = name, .dtype = DType::kF32, .shape = shape});
    std::vector<float>& numbers = values.emplace_back(static_cast<size_t>(view.elements()));
    for (float& number : numbers) number = draw(random);
    view.data = reinterpret_cast<const std::byte*>(numbers.data());
    view.bytes = static_cast<int64_t>(4 * numbers.size());
  };
  for (const auto& [number, shape] : shapes) {
    add("features." + number + ".weight", shape);
    add("features." + number + ".bias", {shape[0]});
  }
  for (size_t k = 0; k < channels.size(); ++k) {
    add("lin" + std::to_string(k) + ".model.1.weight", {1, channels[k], 1, 1});
    for (float& number : values.back()) number = std::abs(number);
  }
  formats::write_safetensors(path, views);
  return path;
}

TEST_F(SceneTrain, HeldOutPhotosAreComparedByLpipsToo) {
  const std::string weights = random_alexnet(folder_.path("both.safetensors"), {64, 192, 384, 256, 256}),
                    wrong = random_alexnet(folder_.path("wrong.safetensors"), {64, 128, 384, 256, 256});
  expect_refusal(command("run", {"--lpips", wrong}),
                 {"wrong.safetensors", "lin1.model.1.weight", "[1, 128, 1, 1]", "[1, 192, 1, 1]"});
  expect_refusal(command("run", {"--lpips", weights + "," + wrong}), {"both.safetensors", "wrong.safetensors"});
  EXPECT_FALSE(std::filesystem::exists(folder_.path("run")));
  Words words = command("run", {"--max-steps", "80", "--eval-steps", "40", "--lpips", weights});
  std::erase(words, "-q");
  const Outcome outcome = orrery(words);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find(", LPIPS 0."), std::string::npos) << outcome.out;
  double first = 0, last = 0;
  for (const auto& line : metrics("run"))
    if (line.contains("eval_lpips")) (first == 0 ? first : last) = line.at("eval_lpips");
  EXPECT_GT(first, last);
  EXPECT_GT(last, 0);
  EXPECT_NE(read_file(folder_.path("run/report.html")).find("eval_lpips"), std::string::npos);

  const std::string page = read_file(folder_.path("run/test/index.html"));
  const auto mean = page.find("dB", page.find("Mean of")), lowest = page.find("<figcaption>");
  EXPECT_NE(outcome.out.find(page.substr(mean, page.find(".</p>", mean) - mean)), std::string::npos) << page;
  std::vector<double> all;
  for (size_t at = lowest; at != std::string::npos; at = page.find("<figcaption>", at + 1)) {
    all.push_back(std::stod(page.substr(page.find("PSNR ", at) + 5)));
    const size_t source = page.find("src=\"", at) + 5;
    EXPECT_TRUE(
        std::filesystem::exists(folder_.path("run/test/" + page.substr(source, page.find('"', source) - source))));
  }
  EXPECT_EQ(all.size(), 10u);
  EXPECT_TRUE(std::ranges::is_sorted(all));
}

TEST_F(SceneTrain, DepthsOfAColmapModelAreLearned) {
  const auto sceaux = shared("scenes/sceaux");
  if (!sceaux) GTEST_SKIP() << "no ../shared/scenes/sceaux";
  const Outcome outcome =
      orrery({"scene", "train", *sceaux, "--out", folder_.path("run"), "--downscale", "8", "--max-steps", "40",
              "--eval-steps", "0", "--logging-steps", "10", "--depth-lambda", "0.1", "-q"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto all = metrics("run");
  EXPECT_LT(all.back().at("depth_loss"), all.front().at("depth_loss"));
}

TEST_F(SceneTrain, BadInputIsRefused) {
  expect_refusal({"scene", "train", folder_.path("nowhere"), "--out", folder_.path("run")}, {"nowhere"});
  expect_refusal({"scene", "train", "--out", folder_.path("run")}, {"data", "a folder of photos"});
  expect_refusal(command("run", {"--memory", "4Q"}), {"memory", "4Q", "4G"});
  expect_refusal(command("run", {"--sh-degree", "4"}), {"sh_degree", "0 to 3"});
  expect_refusal(command("run", {"--pose-lr", "-1"}), {"pose_lr", "-1", "0 to 1"});
  expect_refusal(command("run", {"--exposure-lr-final", "0"}), {"exposure_lr_final", "0", "more than 0"});
  expect_refusal(command("run", {"--depth-lambda", "0.01"}), {"depth_lambda", "COLMAP"});
  expect_refusal(command("run", {"--background", "pink"}), {"background", "pink", "white"});
  expect_refusal(command("run", {"--densification", "mcmc"}), {"max_gaussians"});
  const Outcome several = orrery(command("run"), "", {"WORLD_SIZE=2"});
  EXPECT_EQ(several.exit_code, 2);
  for (const char* part : {"WORLD_SIZE", "found 2", "one process"})
    EXPECT_NE(several.err.find(part), std::string::npos) << part << ": " << several.err;
  EXPECT_FALSE(std::filesystem::exists(folder_.path("run")));
  expect_refusal({"scene", "render", *glossy_ + "/test/r_000.png", "--out", folder_.path("frames")}, {"r_000.png"});
  EXPECT_FALSE(std::filesystem::exists(folder_.path("frames")));
}

}  // namespace
}  // namespace orrery::cli_test
