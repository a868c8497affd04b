// What looks wrong is said, and what does not is not.
#include "orrery/scene/gaussians/watch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "orrery/base/file.h"
#include "orrery/formats/colmap.h"
#include "orrery/formats/png_writer.h"
#include "orrery/scene/gaussians/run.h"
#include "tests/gaussians/turntable.h"

namespace orrery::scene {
namespace {

struct Noticed {
  int64_t step = 0;
  std::string text;
};

/// All that is noticed in so many steps.
std::vector<Noticed> noticed(const WatchOptions& options, int64_t steps, const std::function<StepSeen(int64_t)>& seen) {
  Watch watch(options);
  std::vector<Noticed> all;
  for (int64_t step = 1; step <= steps; ++step)
    if (const auto text = watch.see(step, seen(step))) all.push_back({step, *text});
  return all;
}

constexpr WatchOptions kUsual = {
    .first_gaussians = 100'000, .densify_from = 500, .densify_until = 15'000, .room = 20'000'000};

TEST(Watch, AFlatLossIsSaidOnce) {
  const auto all = noticed(kUsual, 5000, [](int64_t) { return StepSeen{.loss = 0.3, .psnr = 9, .gaussians = 1}; });
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].step, 1000);
  text::expect_contains(all[0].text, {"step 1000", "9.0 dB", "another convention", "orrery scene check"});
}

TEST(Watch, ALossThatFallsOrIsFarDownIsNotFlat) {
  const auto falls = [](int64_t step) {  // by 0.2 % in 500 steps
    return StepSeen{.loss = 0.3 * std::exp(-4e-6 * static_cast<double>(step)), .psnr = 9, .gaussians = 1};
  };
  EXPECT_TRUE(noticed(kUsual, 5000, falls).empty());
  const auto good = [](int64_t) { return StepSeen{.loss = 0.1, .psnr = 16, .gaussians = 1}; };
  EXPECT_TRUE(noticed(kUsual, 5000, good).empty());
  const auto resets = [](int64_t step) {
    return StepSeen{.loss = 0.3, .psnr = 9, .gaussians = 1, .opacities_fell = step % 900 == 0};
  };
  EXPECT_TRUE(noticed(kUsual, 5000, resets).empty());
}

/// Grows from the first to the last step of densification.
std::function<StepSeen(int64_t)> growing(int64_t first, int64_t last) {
  return [=](int64_t step) {
    const double done = std::clamp(static_cast<double>(step - 500) / 14'500, 0.0, 1.0);
    return StepSeen{
        .loss = 0.1, .psnr = 20, .gaussians = first + static_cast<int64_t>(done * static_cast<double>(last - first))};
  };
}

TEST(Watch, TooManyGaussiansAreSaidOnce) {
  const auto all = noticed(kUsual, 15'000, growing(100'000, 5'000'000));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_LT(all[0].step, 7750);
  text::expect_contains(all[0].text, {"came of 100000", "--pose-lr", "--exposure", "--densify-grad-threshold"});
  EXPECT_TRUE(noticed(kUsual, 15'000, growing(100'000, 3'000'000)).empty());  // 16 times as many by the half
  WatchOptions few = kUsual;
  few.first_gaussians = 1000;
  EXPECT_TRUE(noticed(few, 15'000, growing(1000, 350'000)).empty());
}

TEST(Watch, MemoryThatWillNotDoIsSaidWhileThereIsSome) {
  WatchOptions small = kUsual;
  small.room = 1'500'000;
  const auto all = noticed(small, 15'000, growing(100'000, 1'900'000));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_LT(all[0].step, 4000);  // a quarter of the room
  text::expect_contains(all[0].text, {"--memory", "holds some 1500000", "by step 15000"});
  EXPECT_TRUE(noticed(small, 15'000, growing(100'000, 1'400'000)).empty());
  small.max_gaussians = 1'000'000;
  EXPECT_TRUE(noticed(small, 15'000, growing(100'000, 1'900'000)).empty());
}

TEST(Watch, AResumedRunDoesNotSayItAgain) {
  const auto flat = [](Watch& watch) {
    int said = 0;
    for (int64_t step = 1; step <= 3000; ++step)
      said += watch.see(step, {.loss = 0.3, .psnr = 9, .gaussians = 1}).has_value();
    return said;
  };
  Watch first(kUsual), second(kUsual);
  EXPECT_TRUE(first.said().empty());
  EXPECT_EQ(flat(first), 1);
  EXPECT_EQ(first.said(), std::vector<std::string>{"loss"});
  second.recall(first.said());
  EXPECT_EQ(flat(second), 0);
}

/// Eight times a photo of 16 × 12 pixels, of a camera that looks at the points or, as with an axis the wrong way round,
/// away from them.
void write_photos(const std::filesystem::path& folder, bool away) {
  std::filesystem::create_directories(folder / "sparse/0");
  std::filesystem::create_directories(folder / "images");
  formats::ColmapModel model;
  model.cameras = {
      {.id = 1, .model = formats::CameraModel::kPinhole, .width = 16, .height = 12, .parameters = {15, 15, 8, 6}}};
  RandomStream random(1, "scene");
  std::vector<float> pixels(16 * 12 * 3);
  for (float& value : pixels) value = random.uniform() < 0.5 ? 0.f : 1.f;
  for (uint32_t i = 0; i < 8; ++i) {
    const std::string name = std::to_string(i) + ".png";
    model.images.push_back({.id = i + 1, .translation = {0, 0, away ? -4. : 4.}, .camera_id = 1, .name = name});
    formats::write_png(folder / "images" / name, 16, 12, std::span<const float>(pixels));
  }
  for (uint64_t id = 0; id < 150; ++id)
    model.points.push_back({.id = id,
                            .position = {4 * random.uniform() - 2, 3 * random.uniform() - 1.5, random.uniform()},
                            .colour = {128, 128, 128}});
  formats::write_colmap(model, folder / "sparse/0", formats::ColmapForm::kBinary);
}

TEST(Watch, ATrainingWhosePosesLookAwaySaysSo) {
  for (const bool away : {false, true}) {
    const text::TempFolder folder;
    write_photos(folder / "photos", away);
    TrainSettings settings;
    settings.data = (folder / "photos").string();
    settings.out = folder / "run";
    settings.test_every = 0;
    settings.threads = 1;
    settings.gaussians.sh_degree = 0;
    settings.gaussians.densify_until_iter = 0;
    settings.loop.max_steps = 1100;
    settings.loop.quiet = true;
    const TrainSummary summary = train_gaussians(settings);
    const auto flat = std::ranges::count_if(
        summary.notes, [](const std::string& note) { return note.find("do not go together") != std::string::npos; });
    EXPECT_EQ(flat, away) << (summary.notes.empty() ? "" : summary.notes.back());
    const std::string state = read_text(folder / "run/checkpoint-1100/state.json");
    EXPECT_EQ(state.find(R"("said": [)") != std::string::npos, away) << state;
  }
}

}  // namespace
}  // namespace orrery::scene
