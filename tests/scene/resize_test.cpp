// Smaller pictures: means where they are means, constants kept, nothing aliased, alpha's weight.
#include "orrery/scene/pictures/resize.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/scene/support.h"

namespace orrery::scene {
namespace {

TEST(Resize, AWholeFactorIsTheMeanOfBlocks) {
  const Picture picture = painted(12, 9, [](int x, int y) {
    return std::array<uint8_t, 3>{static_cast<uint8_t>(17 * x + y), static_cast<uint8_t>(x * y),
                                  static_cast<uint8_t>(20 * y)};
  });
  ThreadPool pool(2);
  const Picture small = resized(picture, 4, 3, Resampling::kArea, pool);
  for (int y = 0; y < 3; ++y)
    for (int x = 0; x < 4; ++x)
      for (int c = 0; c < 3; ++c) {
        int sum = 0;
        for (int dy = 0; dy < 3; ++dy)
          for (int dx = 0; dx < 3; ++dx)
            sum += picture.pixels[static_cast<size_t>(((3 * y + dy) * 12 + 3 * x + dx) * 3 + c)];
        EXPECT_NEAR(small.pixels[static_cast<size_t>((y * 4 + x) * 3 + c)], sum / 9.0, 0.51);
      }
}

TEST(Resize, OneColourStaysThatColourAtAnySize) {
  const Picture picture = painted(37, 23, [](int, int) { return std::array<uint8_t, 3>{3, 128, 254}; });
  ThreadPool pool(1);
  for (const Resampling method : {Resampling::kArea, Resampling::kLanczos})
    for (const int width : {1, 2, 9, 18, 36, 37}) {
      const Picture small = resized(picture, width, 5, method, pool);
      for (size_t i = 0; i < small.pixels.size(); i += 3) {
        ASSERT_EQ(small.pixels[i], 3) << width;
        ASSERT_EQ(small.pixels[i + 1], 128) << width;
        ASSERT_EQ(small.pixels[i + 2], 254) << width;
      }
    }
}

// Stripes of one pixel, black and white, are grey from afar; every second pixel of them would be black or white.
TEST(Resize, StripesBecomeGreyAndNotOtherStripes) {
  const Picture picture = painted(120, 8, [](int x, int) {
    const auto value = static_cast<uint8_t>(x % 2 ? 255 : 0);
    return std::array<uint8_t, 3>{value, value, value};
  });
  ThreadPool pool(1);
  for (const Resampling method : {Resampling::kArea, Resampling::kLanczos}) {
    const Picture small = resized(picture, 30, 2, method, pool);
    for (int x = 3; x < 27; ++x) EXPECT_NEAR(small.pixels[static_cast<size_t>(3 * x)], 127.5, 4) << description(method);
  }
}

TEST(Resize, TransparentColoursHaveNoSayAndMasksAreMeans) {
  Picture picture{.width = 2, .height = 1, .channels = 4, .pixels = {200, 100, 0, 255, 9, 9, 9, 0}, .mask = {255, 0}};
  ThreadPool pool(1);
  const Picture small = resized(picture, 1, 1, Resampling::kArea, pool);
  EXPECT_EQ(small.pixels, (std::vector<uint8_t>{200, 100, 0, 128}));
  EXPECT_EQ(small.mask, (std::vector<uint8_t>{128}));
}

TEST(Resize, DoesNotDependOnThreads) {
  const Picture picture = painted(101, 67, [](int x, int y) {
    return std::array<uint8_t, 3>{static_cast<uint8_t>(x * 7 ^ y), static_cast<uint8_t>(x + y),
                                  static_cast<uint8_t>(x * y)};
  });
  ThreadPool one(1), three(3);
  for (const Resampling method : {Resampling::kArea, Resampling::kLanczos})
    EXPECT_EQ(resized(picture, 40, 31, method, one).pixels, resized(picture, 40, 31, method, three).pixels);
}

TEST(Composite, IsColourTimesAlphaOverTheBackground) {
  const Picture picture{.width = 2, .height = 1, .channels = 4, .pixels = {255, 0, 51, 255, 255, 0, 51, 51}};
  std::vector<float> out(6);
  composite(picture, {1, 1, 0}, out);
  const std::vector<float> want = {1, 0, 0.2f, 1, 0.8f, 0.04f};  // alpha 1, then 0.2
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(out[i], want[i], 1e-6) << i;
}

}  // namespace
}  // namespace orrery::scene
