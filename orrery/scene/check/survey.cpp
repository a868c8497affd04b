#include "orrery/scene/check/survey.h"

#include <atomic>
#include <cmath>
#include <filesystem>

#include "orrery/base/error.h"
#include "orrery/base/thread_pool.h"
#include "orrery/scene/pictures/resize.h"

namespace orrery::scene {
namespace {

constexpr int kHashWidth = 17, kHashHeight = 16;

uint64_t fnv1a(const std::vector<uint8_t>& bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

/// Brightness over mid-grey, so that what is transparent looks the same in every picture.
float grey(const Picture& picture, size_t pixel) {
  const uint8_t* p = &picture.pixels[pixel * static_cast<size_t>(picture.channels)];
  const float brightness = 0.2126f * p[0] + 0.7152f * p[1] + 0.0722f * p[2];
  const float alpha = picture.channels == 4 ? static_cast<float>(p[3]) / 255 : 1;
  return brightness * alpha + 128 * (1 - alpha);
}

double exposure_of(const Picture& picture) {
  constexpr double kGamma = 2.2, kDarkest = 1e-4;
  double sum = 0, weight = 0;
  const auto channels = static_cast<size_t>(picture.channels);
  for (size_t at = 0; at < picture.pixels.size(); at += channels) {
    const double alpha = channels == 4 ? picture.pixels[at + 3] / 255.0 : 1;
    const double brightness =
        (0.2126 * picture.pixels[at] + 0.7152 * picture.pixels[at + 1] + 0.0722 * picture.pixels[at + 2]) / 255;
    sum += alpha * std::pow(brightness, kGamma);
    weight += alpha;
  }
  return std::log2(weight > 0 ? sum / weight + kDarkest : kDarkest);
}

}  // namespace

PictureFacts facts_of(const Picture& picture) {
  ThreadPool pool(1);
  PictureFacts facts{.width = picture.width, .height = picture.height, .digest = fnv1a(picture.pixels)};
  const Picture small = resized(picture, std::min(picture.width, kHashWidth), std::min(picture.height, kHashHeight),
                                Resampling::kArea, pool);
  facts.exposure =
      exposure_of(resized(picture, std::min(picture.width, 64), std::min(picture.height, 64), Resampling::kArea, pool));
  double sum = 0, squares = 0;
  for (int y = 0; y < small.height; ++y)
    for (int x = 0; x < small.width; ++x) {
      const size_t at = static_cast<size_t>(y * small.width + x);
      const double value = grey(small, at);
      sum += value;
      squares += value * value;
      if (x + 1 < small.width) facts.hash[static_cast<size_t>(y * (kHashWidth - 1) + x)] = value > grey(small, at + 1);
    }
  const double count = small.width * small.height, mean = sum / count;
  facts.contrast = std::sqrt(std::max(0.0, squares / count - mean * mean));
  return facts;
}

std::vector<PictureFacts> survey(const RawScene& scene, ProgressStyle style) {
  std::vector<PictureFacts> all(scene.frames.size());
  Progress progress(
      {.title = "opening pictures", .total = static_cast<int64_t>(all.size()), .unit = "pictures", .style = style});
  std::atomic<int64_t> done{0};
  ThreadPool pool;
  pool.run(static_cast<int64_t>(all.size()), [&](int64_t i, int) {
    const RawFrame& frame = scene.frames[static_cast<size_t>(i)];
    PictureFacts& facts = all[static_cast<size_t>(i)];
    facts.missing = !std::filesystem::is_regular_file(frame.picture);
    try {
      if (!facts.missing) facts = facts_of(read_picture(frame.picture, frame.mask));
    } catch (const Error& error) {
      facts.problem = error.what();
    }
    progress.update(++done);
  });
  return all;
}

}  // namespace orrery::scene
