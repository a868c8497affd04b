// WebP, by libwebp.
#include <webp/decode.h>
#include <webp/demux.h>

#include <memory>

#include "orrery/formats/image_decoders.h"

namespace orrery::formats {
namespace {

using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

int orientation(const Demuxer& demuxer) {
  WebPChunkIterator chunk{};
  if (WebPDemuxGetChunk(demuxer.get(), "EXIF", 1, &chunk) == 0) return 1;
  const int result = exif_orientation({reinterpret_cast<const std::byte*>(chunk.chunk.bytes), chunk.chunk.size});
  WebPDemuxReleaseChunkIterator(&chunk);
  return result;
}

[[noreturn]] void refuse_damaged(const std::string& name) {
  refuse_image(name, "a WebP that is damaged or cut short", "a whole one", "fetch or save it again");
}

}  // namespace

DecodedImage decode_webp(std::span<const std::byte> bytes, const std::string& name, const ImageOptions& options) {
  const WebPData file = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  const Demuxer demuxer(WebPDemux(&file), WebPDemuxDelete);  // none of a file that ends too early
  if (demuxer == nullptr) refuse_damaged(name);
  const uint32_t flags = WebPDemuxGetI(demuxer.get(), WEBP_FF_FORMAT_FLAGS);
  if ((flags & ANIMATION_FLAG) != 0)
    refuse_image(name, "an animated WebP", "a still picture", "save one of its frames as JPEG or PNG");
  const int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT),
                width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  check_image_size(height, width, name, options.max_pixels);
  DecodedImage decoded{Image(height, width), orientation(demuxer)};
  const bool keep_alpha = options.alpha && (flags & ALPHA_FLAG) != 0;
  const Buffer rgba(keep_alpha ? static_cast<size_t>(height * width * 4) : 0);
  const Buffer& pixels = keep_alpha ? rgba : decoded.image.pixels;
  const auto decode = keep_alpha ? WebPDecodeRGBAInto : WebPDecodeRGBInto;
  if (decode(file.bytes, file.size, pixels.as<uint8_t>(), pixels.size(),
             static_cast<int>(width) * (keep_alpha ? 4 : 3)) == nullptr)
    refuse_damaged(name);
  if (keep_alpha) split_rgba(rgba, decoded.image);
  return decoded;
}

ImageSize webp_size(std::span<const std::byte> bytes, const std::string& name) {
  int width = 0, height = 0;
  if (WebPGetInfo(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), &width, &height) == 0)
    refuse_damaged(name);
  return {height, width};
}

}  // namespace orrery::formats
