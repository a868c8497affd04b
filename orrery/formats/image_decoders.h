// One decoder per kind of picture, for image.cpp alone.
#pragma once

#include "orrery/formats/image.h"

namespace orrery::formats {

/// A picture as it lies in the file, and the EXIF orientation beside it: 1 to 8, 1 where there is none.
struct DecodedImage {
  Image image;
  int orientation = 1;
};

DecodedImage decode_jpeg(std::span<const std::byte> bytes, const std::string& name, const ImageOptions& options);
DecodedImage decode_png(std::span<const std::byte> bytes, const std::string& name, const ImageOptions& options);
DecodedImage decode_webp(std::span<const std::byte> bytes, const std::string& name, const ImageOptions& options);

ImageSize jpeg_size(std::span<const std::byte> bytes, const std::string& name);
ImageSize png_size(std::span<const std::byte> bytes, const std::string& name);
ImageSize webp_size(std::span<const std::byte> bytes, const std::string& name);

/// Rows of red, green, blue, alpha that a decoder wrote, taken apart.
void split_rgba(const Buffer& rgba, Image& image);

/// The tag Orientation (274) of EXIF data (EXIF 2.32, section 4.6), with or without "Exif\0\0" before them. 1 where
/// there is none: a picture is no worse for damaged remarks about it.
int exif_orientation(std::span<const std::byte> exif);

/// Throws Error unless a picture of that size may be decoded.
void check_image_size(int64_t height, int64_t width, const std::string& name, int64_t max_pixels);
[[noreturn]] void refuse_image(const std::string& name, std::string found, std::string expected,
                               std::string advice = "");

}  // namespace orrery::formats
