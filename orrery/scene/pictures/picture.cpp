#include "orrery/scene/pictures/picture.h"

#include <fmt/format.h>

#include <cassert>
#include <cstring>

#include "orrery/base/error.h"
#include "orrery/formats/image.h"

namespace orrery::scene {
namespace {

using formats::Image;

void add_mask(Picture& picture, const std::filesystem::path& path) {
  const Image mask = formats::read_image(path, {.turn = false});
  if (mask.width != picture.width || mask.height != picture.height)
    throw Error({.doing = "read a mask",
                 .where = path.string(),
                 .found = fmt::format("{} × {} pixels", mask.width, mask.height),
                 .expected = fmt::format("{} × {}, its picture's", picture.width, picture.height)});
  const uint8_t* in = mask.pixels.as<uint8_t>();
  picture.mask.resize(static_cast<size_t>(mask.width * mask.height));
  for (size_t i = 0; i < picture.mask.size(); ++i) picture.mask[i] = in[3 * i];
}

}  // namespace

Picture read_picture(const std::filesystem::path& path, const std::filesystem::path& mask) {
  const Image image = formats::read_image(path, {.turn = false, .alpha = true});
  const bool alpha = image.alpha.size() > 0;
  Picture picture{
      .width = static_cast<int>(image.width), .height = static_cast<int>(image.height), .channels = alpha ? 4 : 3};
  const auto count = static_cast<size_t>(image.width * image.height), channels = static_cast<size_t>(picture.channels);
  picture.pixels.resize(count * channels);
  const uint8_t *colours = image.pixels.as<uint8_t>(), *alphas = image.alpha.as<uint8_t>();
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(&picture.pixels[i * channels], colours + 3 * i, 3);
    if (alpha) picture.pixels[i * channels + 3] = alphas[i];
  }
  if (!mask.empty()) add_mask(picture, mask);
  return picture;
}

void composite(const Picture& picture, const std::array<float, 3>& background, std::span<float> out) {
  const auto count = static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height);
  assert(out.size() == 3 * count);
  constexpr float kScale = 1.0f / 255;
  const auto channels = static_cast<size_t>(picture.channels);
  for (size_t i = 0; i < count; ++i) {
    const uint8_t* pixel = &picture.pixels[i * channels];
    const float alpha = channels == 4 ? static_cast<float>(pixel[3]) * kScale : 1;
    for (size_t c = 0; c < 3; ++c)
      out[3 * i + c] = static_cast<float>(pixel[c]) * kScale * alpha + background[c] * (1 - alpha);
  }
}

}  // namespace orrery::scene
