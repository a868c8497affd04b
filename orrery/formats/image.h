// Pictures as people have them: JPEG, PNG and WebP to 8-bit RGB in memory, by libjpeg-turbo, libpng and libwebp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "orrery/base/buffer.h"
#include "orrery/base/error.h"
#include "orrery/base/tensor_view.h"

namespace orrery::formats {

/// A picture: red, green, blue of 8 bits as the file has them (no colour profile or gamma is applied), rows from the
/// top, pixels from the left. Movable.
struct Image {
  int64_t height = 0, width = 0;
  Buffer pixels;  ///< [height, width, 3] uint8
  Buffer alpha;   ///< [height, width] uint8, not multiplied into the pixels; empty where it was not asked for or all is
                  ///< opaque

  Image() = default;
  /// Black. Throws Error where the system has not that much memory.
  Image(int64_t height_, int64_t width_);
  uint8_t* row(int64_t y) const { return pixels.as<uint8_t>() + y * width * 3; }
  /// [height, width, 3] uint8, named "pixels"; lives as long as the picture stays where it is.
  TensorView view() const;
};

struct ImageOptions {
  /// Larger pictures are refused before they are decoded, because a small file can claim any size: 805 MB of RGB, which
  /// lets a camera of 200 megapixels pass.
  int64_t max_pixels = int64_t{1} << 28;
  /// Turn or mirror the picture as its EXIF orientation says, which is how people see their photos. Pillow's
  /// Image.open leaves it as the sensor lay, and so does false.
  bool turn = true;
  /// Keep the alpha channel of a picture that has one.
  bool alpha = false;
};

/// The Error of a picture with more pixels than `max_pixels`.
class ImageTooLarge : public Error {
 public:
  using Error::Error;
};

/// Decodes a JPEG (baseline, progressive; grey, RGB, CMYK), PNG (every colour type, 16 bits cut to their upper 8) or
/// WebP (lossy, lossless) file to the bytes that Pillow's convert("RGB") gives, of 16-bit grey apart, which Pillow
/// clips to white. Alpha is dropped unless it is asked for, never
/// composited. Throws Error naming the file where it is missing, empty, of
/// another kind (which is named), animated WebP, too large, cut short or damaged.
Image read_image(const std::filesystem::path& path, const ImageOptions& options = {});
/// The same of bytes in memory; `name` is what messages call them.
Image decode_image(std::span<const std::byte> bytes, const std::string& name, const ImageOptions& options = {});

/// A picture's size as its file's header says it, without decoding it or turning it. Throws Error as read_image does.
struct ImageSize {
  int64_t height = 0, width = 0;
  bool operator==(const ImageSize&) const = default;
};
ImageSize read_image_size(const std::filesystem::path& path);
ImageSize image_size(std::span<const std::byte> bytes, const std::string& name);

}  // namespace orrery::formats
