#include "orrery/formats/image.h"

#include <fmt/format.h>

#include <cstring>
#include <string_view>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"
#include "orrery/formats/image_decoders.h"

namespace orrery::formats {
namespace {

using namespace std::string_view_literals;

struct Decoder {
  std::string_view magic;
  DecodedImage (*decode)(std::span<const std::byte>, const std::string&, const ImageOptions&);
  ImageSize (*size)(std::span<const std::byte>, const std::string&);
};
constexpr Decoder kDecoders[] = {
    {"\xFF\xD8\xFF"sv, decode_jpeg, jpeg_size},
    {"\x89PNG\r\n\x1A\n"sv, decode_png, png_size},
    {"RIFF"sv, decode_webp, webp_size},  // and WEBP behind the length
};

// What people try besides, so that the message can name it.
struct Kind {
  size_t offset;
  std::string_view magic, what;
};
constexpr Kind kOtherKinds[] = {
    {0, "GIF8"sv, "a GIF picture"},
    {0, "BM"sv, "a BMP picture"},
    {0, "II*\0"sv, "a TIFF picture or a camera's raw file"},
    {0, "MM\0*"sv, "a TIFF picture or a camera's raw file"},
    {4, "ftypavif"sv, "an AVIF picture"},
    {4, "ftyp"sv, "a HEIC picture or a video"},
    {0, "\0\0\0\x0CJXL "sv, "a JPEG XL picture"},
    {0, "\xFF\x0A"sv, "a JPEG XL picture"},
    {0, "\0\0\0\x0CjP  "sv, "a JPEG 2000 picture"},
    {0, "<svg"sv, "an SVG drawing"},
    {0, "<?xml"sv, "an SVG drawing or other XML"},
    {0, "%PDF-"sv, "a PDF"},
    {0, "GGUF"sv, "a GGUF model"},
};

const Decoder& decoder_of(std::span<const std::byte> bytes, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  for (const Decoder& decoder : kDecoders)
    if (text.starts_with(decoder.magic) && (decoder.magic != "RIFF" || text.substr(0, 12).ends_with("WEBP")))
      return decoder;
  if (text.empty()) refuse_image(name, "an empty file", "a JPEG, PNG or WebP picture");
  for (const Kind& kind : kOtherKinds)
    if (text.size() > kind.offset && text.substr(kind.offset).starts_with(kind.magic))
      refuse_image(name, std::string(kind.what), "a JPEG, PNG or WebP picture", "save it as JPEG or PNG");
  refuse_image(name, "a file that begins with " + printable(text.substr(0, 8)), "a JPEG, PNG or WebP picture");
}

// As the picture is to be seen: orientation 1 is as it lies, 2 mirrored, 3 upside down, 4 both, 5 to 8 the same with
// rows and columns exchanged first (EXIF 2.32, tag 274).
Image turned(Image image, int orientation) {
  if (orientation == 1) return image;
  const bool exchanged = orientation >= 5, from_right = orientation == 2 || orientation == 3 || orientation >= 7,
             from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image result(exchanged ? image.width : image.height, exchanged ? image.height : image.width);
  if (image.alpha.size() > 0) result.alpha = Buffer(image.alpha.size());
  for (int64_t y = 0; y < result.height; ++y) {
    uint8_t* out = result.row(y);
    for (int64_t x = 0; x < result.width; ++x, out += 3) {
      const int64_t stored_y = exchanged ? x : y, stored_x = exchanged ? y : x;
      const int64_t from_y = from_below ? image.height - 1 - stored_y : stored_y,
                    from_x = from_right ? image.width - 1 - stored_x : stored_x;
      std::memcpy(out, image.row(from_y) + 3 * from_x, 3);
      if (image.alpha.size() > 0)
        result.alpha.as<uint8_t>()[y * result.width + x] = image.alpha.as<uint8_t>()[from_y * image.width + from_x];
    }
  }
  return result;
}

}  // namespace

Image::Image(int64_t height_, int64_t width_)
    : height(height_), width(width_), pixels(static_cast<size_t>(height_ * width_ * 3)) {}

TensorView Image::view() const {
  return {.name = "pixels",
          .dtype = DType::kU8,
          .shape = {height, width, 3},
          .data = pixels.data(),
          .bytes = height * width * 3};
}

Image decode_image(std::span<const std::byte> bytes, const std::string& name, const ImageOptions& options) {
  DecodedImage decoded = decoder_of(bytes, name).decode(bytes, name, options);
  return options.turn ? turned(std::move(decoded.image), decoded.orientation) : std::move(decoded.image);
}

Image read_image(const std::filesystem::path& path, const ImageOptions& options) {
  return decode_image(MappedFile::open(path).bytes(), path.string(), options);
}

ImageSize image_size(std::span<const std::byte> bytes, const std::string& name) {
  return decoder_of(bytes, name).size(bytes, name);
}

ImageSize read_image_size(const std::filesystem::path& path) {
  return image_size(MappedFile::open(path).bytes(), path.string());
}

void split_rgba(const Buffer& rgba, Image& image) {
  const int64_t pixels = image.height * image.width;
  image.alpha = Buffer(static_cast<size_t>(pixels));
  const uint8_t* in = rgba.as<uint8_t>();
  uint8_t *out = image.pixels.as<uint8_t>(), *alpha = image.alpha.as<uint8_t>();
  for (int64_t i = 0; i < pixels; ++i, in += 4, out += 3) {
    std::memcpy(out, in, 3);
    alpha[i] = in[3];
  }
}

int exif_orientation(std::span<const std::byte> exif) {
  const auto begins_with = [&](std::string_view magic) {
    return std::string_view(reinterpret_cast<const char*>(exif.data()), exif.size()).starts_with(magic);
  };
  if (begins_with("Exif\0\0"sv)) exif = exif.subspan(6);
  const auto number = [&](size_t offset, int size) -> uint32_t {  // 0 past the end
    if (offset > exif.size() || exif.size() - offset < static_cast<size_t>(size)) return 0;
    uint32_t value = 0;
    for (int i = 0; i < size; ++i) {
      const int place = exif[0] == std::byte{'M'} ? size - 1 - i : i;
      value |= std::to_integer<uint32_t>(exif[offset + static_cast<size_t>(i)]) << (8 * place);
    }
    return value;
  };
  if (!begins_with("II*\0"sv) && !begins_with("MM\0*"sv)) return 1;
  const size_t directory = number(4, 4);
  for (size_t i = 0; i < number(directory, 2); ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (number(entry, 2) != 274 || number(entry + 2, 2) != 3) continue;  // Orientation, SHORT
    const uint32_t value = number(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

void check_image_size(int64_t height, int64_t width, const std::string& name, int64_t max_pixels) {
  if (height < 1 || width < 1) refuse_image(name, fmt::format("{} × {} pixels", width, height), "at least one");
  if (width > max_pixels / height)
    throw ImageTooLarge({.doing = "read a picture",
                         .where = name,
                         .found = fmt::format("{} × {} pixels", width, height),
                         .expected = fmt::format("at most {} in all", max_pixels),
                         .advice = "make the picture smaller"});
}

void refuse_image(const std::string& name, std::string found, std::string expected, std::string advice) {
  throw Error({.doing = "read a picture",
               .where = name,
               .found = std::move(found),
               .expected = std::move(expected),
               .advice = std::move(advice)});
}

}  // namespace orrery::formats
