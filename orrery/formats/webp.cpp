#include "orrery/formats/webp.h"

#include <fmt/format.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include <memory>
#include <new>

#include "orrery/formats/image_decoders.h"

namespace orrery::formats {

RgbaTable decode_webp_table(std::span<const std::byte> bytes, const std::string& name, int64_t max_pixels) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(data, bytes.size(), &features) != VP8_STATUS_OK || features.has_animation != 0)
    refuse_image(name, "no WebP, or one that is cut short or animated", "a whole, still WebP picture");
  check_image_size(features.height, features.width, name, max_pixels);
  RgbaTable table{features.height, features.width, {}};
  table.bytes.resize(static_cast<size_t>(table.height * table.width * 4));
  if (WebPDecodeRGBAInto(data, bytes.size(), table.bytes.data(), table.bytes.size(), features.width * 4) == nullptr)
    refuse_image(name, "a WebP that is damaged or cut short", "a whole one", "fetch or save it again");
  return table;
}

std::vector<std::byte> encode_webp_table(const RgbaTable& table) {
  constexpr int kEffort = 5;  // of 0 to 9: above it, seconds per megapixel for a hundredth of the size
  WebPConfig config;
  WebPPicture picture;
  const bool ready =
      WebPConfigInit(&config) != 0 && WebPConfigLosslessPreset(&config, kEffort) != 0 && WebPPictureInit(&picture) != 0;
  if (!ready || table.width > WEBP_MAX_DIMENSION || table.height > WEBP_MAX_DIMENSION)
    refuse_image("a table to write", fmt::format("{} × {} pixels", table.width, table.height),
                 fmt::format("at most {} on a side", WEBP_MAX_DIMENSION));
  config.exact = 1;
  picture.use_argb = 1;
  picture.width = static_cast<int>(table.width);
  picture.height = static_cast<int>(table.height);
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  const bool written =
      WebPPictureImportRGBA(&picture, table.bytes.data(), picture.width * 4) != 0 && WebPEncode(&config, &picture) != 0;
  WebPPictureFree(&picture);
  const std::unique_ptr<WebPMemoryWriter, decltype(&WebPMemoryWriterClear)> clear(&writer, WebPMemoryWriterClear);
  if (!written) throw std::bad_alloc();  // the one reason left
  const auto* data = reinterpret_cast<const std::byte*>(writer.mem);
  return {data, data + writer.size};
}

}  // namespace orrery::formats
