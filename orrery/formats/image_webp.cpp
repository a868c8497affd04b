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

}  // namespace

DecodedImage decode_webp(std::span<const std::byte> bytes, const std::string& name, int64_t max_pixels) {
  const WebPData file = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  const auto damaged = [&] {
    refuse_image(name, "a WebP that is damaged or cut short", "a whole one", "fetch or save it again");
  };
  const Demuxer demuxer(WebPDemux(&file), WebPDemuxDelete);  // none of a file that ends too early
  if (demuxer == nullptr) damaged();
  if ((WebPDemuxGetI(demuxer.get(), WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG) != 0)
    refuse_image(name, "an animated WebP", "a still picture", "save one of its frames as JPEG or PNG");
  const int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT),
                width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  check_image_size(height, width, name, max_pixels);
  DecodedImage decoded{Image(height, width), orientation(demuxer)};
  const Buffer& pixels = decoded.image.pixels;
  if (WebPDecodeRGBInto(file.bytes, file.size, pixels.as<uint8_t>(), pixels.size(), static_cast<int>(width) * 3) ==
      nullptr)
    damaged();
  return decoded;
}

}  // namespace orrery::formats
