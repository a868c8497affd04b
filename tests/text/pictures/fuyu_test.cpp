// Fuyu's pictures and prompts against the original processor's and model's (tests/text/scripts/make_fuyu_fixture.py).
#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "orrery/base/error.h"
#include "orrery/formats/safetensors.h"
#include "orrery/text/pictures/fuyu_processor.h"
#include "orrery/text/pictures/fuyu_text.h"
#include "orrery/text/pictures/picture_prompt.h"
#include "tests/text/tiny_model.h"

namespace orrery::text {
namespace {

namespace fs = std::filesystem;
using formats::Image;
using nlohmann::json;

const fs::path kFixtures = fs::path(ORRERY_SOURCE_DIR) / "tests/fixtures", kFolder = kFixtures / "fuyu";
const fs::path kPhotos = fs::path(ORRERY_SOURCE_DIR) / "../shared/data/photos";
constexpr int64_t kNoLimit = 1 << 20;

const formats::SafetensorsFile& expected() {
  static const auto file = formats::SafetensorsFile::open(kFolder / "expected.safetensors");
  return file;
}

template <class T>
std::vector<T> values(const std::string& name) {
  const TensorView* tensor = expected().find(name);
  if (tensor == nullptr) throw std::runtime_error("no " + name);
  std::vector<T> result(static_cast<size_t>(tensor->bytes) / sizeof(T));
  std::memcpy(result.data(), tensor->data, static_cast<size_t>(tensor->bytes));
  return result;
}

Image pixels(const std::string& name) {
  const TensorView* tensor = expected().find(name);
  Image image(tensor->shape.at(0), tensor->shape.at(1));
  std::memcpy(image.row(0), tensor->data, static_cast<size_t>(tensor->bytes));
  return image;
}

// pattern() of the script.
Image pattern(int64_t height, int64_t width) {
  Image image(height, width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t channel = 0; channel < 3; ++channel)
        image.row(y)[3 * x + channel] = static_cast<uint8_t>(x * 7 + y * 13 + channel * 101 + x * y / 8);
  return image;
}

int64_t checksum(const std::vector<float>& floats) {
  uint64_t sum = 0;
  for (size_t i = 0; i < floats.size(); ++i) sum += uint64_t{std::bit_cast<uint32_t>(floats[i])} * (2 * i + 1);
  return static_cast<int64_t>(sum);
}

std::vector<int64_t> summary(const Image& image) {
  const PatchGrid grid = fuyu_patches(image, FuyuProcessorConfig{}, kNoLimit);
  return {grid.rows, grid.columns, checksum(grid.values)};
}

TEST(FuyuProcessor, PatchesAreTheOriginalsToTheLastBit) {
  const auto config = FuyuProcessorConfig::open(kFolder, 6);
  for (int i = 0; i < 7; ++i) {
    const std::string name = "small." + std::to_string(i);
    EXPECT_EQ(fuyu_patches(pixels(name + ".pixels"), config, kNoLimit).values, values<float>(name + ".patches"))
        << name;
  }
}

TEST(FuyuProcessor, PicturesOfAnySizeFitTheReleasedModel) {
  const struct {
    const char* name;
    int64_t height, width;
  } kSizes[] = {{"1x1", 1, 1},           {"31x29", 31, 29},      {"1080x1920", 1080, 1920}, {"1081x1921", 1081, 1921},
                {"200x3000", 200, 3000}, {"3000x200", 3000, 200}};
  for (const auto& size : kSizes)
    EXPECT_EQ(summary(pattern(size.height, size.width)), values<int64_t>(std::string("large.") + size.name))
        << size.name;
}

TEST(FuyuProcessor, PhotosFitTheReleasedModel) {
  if (!fs::exists(kPhotos)) GTEST_SKIP() << "no ../shared/data/photos";
  int photos = 0;
  for (const auto& entry : fs::directory_iterator(kPhotos)) {
    if (entry.path().extension() == ".md") continue;
    ++photos;
    const std::string name = entry.path().filename().string();
    EXPECT_EQ(summary(formats::read_image(entry.path())), values<int64_t>("large." + name)) << name;
  }
  EXPECT_EQ(photos, 8);
}

std::string refusal(const json& settings, int64_t patch_size = 30) {
  return error_of([&] { FuyuProcessorConfig::read(ConfigJson(settings, "preprocessor_config.json"), patch_size); });
}

TEST(FuyuProcessor, SettingsThatItCannotFollowAreRefused) {
  EXPECT_EQ(refusal(json::object()), "no error");
  EXPECT_EQ(refusal({{"padding_value", 255.0}, {"image_mean", {0.1, 0.2, 0.3}}, {"resample", 2}}), "no error");
  const auto expect = [](const json& settings, const std::string& words) {
    EXPECT_NE(refusal(settings).find(words), std::string::npos) << refusal(settings);
  };
  expect({{"do_resize", false}}, "preprocessor_config.json, do_resize: found false, expected true");
  expect({{"resample", 3}}, "resample: found 3, expected 2 (bilinear)");
  expect({{"padding_mode", "reflect"}}, "padding_mode: found reflect");
  expect({{"padding_value", 0.5}}, "padding_value: found 0.5");
  expect({{"padding_value", 256}}, "padding_value: found 256");
  expect({{"size", {{"height", 1000}}}}, "size, height: found 1000, expected a multiple of the patches' 30");
  expect({{"target_width", 31}}, "target_width: found 31");
  expect({{"patch_size", {{"height", 30}, {"width", 14}}}}, "patch_size, width: found 14, expected 30");
  expect({{"image_mean", {0.5, 0.5}}}, "image_mean: found 2 numbers");
  expect({{"image_std", 0}}, "image_std: found 0");
}

TEST(FuyuProcessor, BothSpellingsOfTheSizeAndBothFilesAreRead) {
  EXPECT_EQ(FuyuProcessorConfig::read(ConfigJson(json{{"target_height", 60}, {"target_width", 90}}, "f"), 30).width,
            90);
  const TempFolder folder;
  EXPECT_EQ(FuyuProcessorConfig::open(folder.path(), 30).height, 1080);  // neither file
  std::ofstream(folder / "processor_config.json") << R"({"image_processor": {"size": {"height": 60, "width": 90}}})";
  EXPECT_EQ(FuyuProcessorConfig::open(folder.path(), 30).height, 60);
}

TEST(FuyuProcessor, ExtremeShapesAreRefused) {
  EXPECT_NE(error_of([] { fuyu_patches(Image(2, 5000), {}, kNoLimit); }).find("found 5000 × 2 pixels"),
            std::string::npos);
  EXPECT_NE(error_of([] { fuyu_patches(Image(60, 90), {}, 5); }).find("found 3 × 2 patches"), std::string::npos);
}

std::shared_ptr<const Checkpoint> tiny_fuyu() { return Checkpoint::open(kFolder.string()); }

TEST(PicturePrompt, IsTheOriginals) {
  const auto checkpoint = tiny_fuyu();
  std::vector<Image> pictures;
  pictures.push_back(pixels("small.0.pixels"));
  for (int i = 0; i < 6; ++i) {
    const std::string name = "prompt." + std::to_string(i), text = expected().metadata().at(name);
    const PicturePrompt got = picture_prompt(*checkpoint, pictures, text);
    EXPECT_EQ(std::vector<int64_t>(got.prompt.begin(), got.prompt.end()), values<int64_t>(name + ".ids")) << text;
    EXPECT_EQ(got.patches->positions, values<int64_t>(name + ".positions")) << text;
    EXPECT_EQ(got.patches->values, values<float>("small.0.patches"));
  }
}

TEST(PicturePrompt, AnswersAreTheOriginals) {
  Engine engine(tiny_fuyu(), {.exact = true});
  for (const char* name : {"subsampling2.jpg", "alpha.png", "lossy.webp", "chelsea.png", "truck.jpg"}) {
    fs::path path = kFixtures / "formats/images" / name;
    if (!fs::exists(path)) path = kPhotos / name;
    if (!fs::exists(path)) continue;
    std::vector<Image> pictures;
    pictures.push_back(formats::read_image(path));
    PicturePrompt prompt = picture_prompt(engine.checkpoint(), pictures, expected().metadata().at("answer"));
    Stream stream = engine.submit({.prompt = std::move(prompt.prompt),
                                   .patches = std::move(prompt.patches),
                                   .sampling = {.temperature = 0},
                                   .max_tokens = 8});
    std::vector<int64_t> tokens;
    for (StreamEvent event; stream.next(event);)
      if (event.token >= 0) tokens.push_back(event.token);
    EXPECT_EQ(tokens, values<int64_t>(std::string("answer.") + name + ".ids")) << name;
  }
}

TEST(PicturePrompt, WhatFuyuDoesNotTakeIsRefused) {
  const auto checkpoint = tiny_fuyu();
  const auto refused = [&](const std::vector<Image>& pictures, const std::string& text) {
    return error_of([&] { picture_prompt(*checkpoint, pictures, text); });
  };
  std::vector<Image> one, two;
  one.emplace_back(6, 6);
  for (int i = 0; i < 2; ++i) two.emplace_back(6, 6);
  EXPECT_NE(refused(two, "").find("found 2 of them, expected one"), std::string::npos);
  EXPECT_EQ(refused(one, "<point>1, 2</point>"), "no error");
  EXPECT_NE(refused(one, "<point>1, 2, 3</point>").find("found 3 numbers"), std::string::npos);
  EXPECT_NE(refused(one, "<point>1, two</point>").find("no number that the model has a token for"), std::string::npos);
  EXPECT_NE(refused(one, "<point>1, 1e300</point>").find("1e300"), std::string::npos);
}

}  // namespace
}  // namespace orrery::text
