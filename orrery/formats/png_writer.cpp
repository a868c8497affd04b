#include "orrery/formats/png_writer.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::formats {
namespace {

/// A picture's file in memory.
class PngEncoder {
 public:
  explicit PngEncoder(const std::filesystem::path& path) : path_(path), stream_(open_memstream(&bytes_, &size_)) {
    png_ = png_create_write_struct(
        PNG_LIBPNG_VER_STRING, this,
        [](png_structp png, png_const_charp message) {
          static_cast<PngEncoder*>(png_get_error_ptr(png))->give_up(message);
        },
        [](png_structp, png_const_charp) {});
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
  }
  PngEncoder(const PngEncoder&) = delete;
  PngEncoder& operator=(const PngEncoder&) = delete;
  ~PngEncoder() {
    png_destroy_write_struct(&png_, &info_);
    if (stream_ != nullptr) std::fclose(stream_);
    std::free(bytes_);
  }

  /// `step(png, info)` holds nothing that needs destroying.
  template <class Step>
  void encode(const Step& step) {
    if (info_ == nullptr || stream_ == nullptr) refuse("no memory for a PNG encoder");
    if (setjmp(escape_) != 0) refuse(message_.data());
    png_init_io(png_, stream_);
    step(png_, info_);
    png_write_end(png_, info_);
    if (std::fflush(stream_) != 0) give_up("no memory for the picture");
  }

  void write() const {
    AtomicFile file(path_);
    file.write(bytes_, size_);
    file.commit();
  }

 private:
  // Called from inside libpng, whose frames hold nothing that needs destroying.
  [[noreturn]] void give_up(const char* message) {
    std::snprintf(message_.data(), message_.size(), "%s", message);
    std::longjmp(escape_, 1);
  }
  [[noreturn]] void refuse(const char* found) const {
    throw Error({.doing = "write a picture", .where = path_.string(), .found = found});
  }

  const std::filesystem::path& path_;
  char* bytes_ = nullptr;
  size_t size_ = 0;
  std::FILE* stream_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf escape_;
  std::array<char, 256> message_{};
};

template <class Channel>
void write_rows(png_structp png, int height, std::span<const Channel> channels) {
  const size_t row = channels.size() / static_cast<size_t>(height);
  for (size_t at = 0; at < channels.size(); at += row)
    png_write_row(png, reinterpret_cast<png_const_bytep>(channels.data() + at));
}

}  // namespace

void write_png(const std::filesystem::path& path, int width, int height, std::span<const uint8_t> rgb) {
  assert(rgb.size() == static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  PngEncoder encoder(path);
  encoder.encode([&](png_structp png, png_infop info) {
    png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_sRGB(png, info, PNG_sRGB_INTENT_PERCEPTUAL);
    png_write_info(png, info);
    write_rows(png, height, rgb);
  });
  encoder.write();
}

void write_png(const std::filesystem::path& path, int width, int height, std::span<const float> rgb) {
  std::vector<uint8_t> bytes(rgb.size());
  std::ranges::transform(rgb, bytes.begin(),
                         [](float value) { return static_cast<uint8_t>(std::clamp(value, 0.f, 1.f) * 255 + 0.5f); });
  write_png(path, width, height, std::span<const uint8_t>(bytes));
}

void write_png(const std::filesystem::path& path, int width, int height, std::span<const uint16_t> grey,
               const PngText& text) {
  assert(grey.size() == static_cast<size_t>(width) * static_cast<size_t>(height));
  std::string keyword = text.keyword, value = text.text;  // libpng does not promise to leave them alone
  const png_text chunk{.compression = PNG_TEXT_COMPRESSION_NONE,
                       .key = keyword.data(),
                       .text = value.data(),
                       .text_length = value.size()};
  PngEncoder encoder(path);
  encoder.encode([&](png_structp png, png_infop info) {
    png_set_IHDR(png, info, static_cast<png_uint_32>(width), static_cast<png_uint_32>(height), 16, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_text(png, info, &chunk, 1);
    png_write_info(png, info);
    png_set_swap(png);  // a PNG has the upper byte first
    write_rows(png, height, grey);
  });
  encoder.write();
}

}  // namespace orrery::formats
