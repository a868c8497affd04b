// PNG, by libpng.
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <png.h>

#include "orrery/formats/image_decoders.h"

namespace orrery::formats {
namespace {

class PngDecoder {
 public:
  PngDecoder(std::span<const std::byte> bytes, const std::string& name) : rest_(bytes), name_(name) {
    png_ = png_create_read_struct(
        PNG_LIBPNG_VER_STRING, this,
        [](png_structp png, png_const_charp message) {
          static_cast<PngDecoder*>(png_get_error_ptr(png))->give_up(message);
        },
        [](png_structp, png_const_charp) {});
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) {
      png_destroy_read_struct(&png_, nullptr, nullptr);
      refuse_image(name, "no memory for a PNG decoder", "some");
    }
    guarded([&] {
      png_set_read_fn(png_, this, [](png_structp png, png_bytep out, size_t size) {
        static_cast<PngDecoder*>(png_get_io_ptr(png))->take(out, size);
      });
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // check_image_size has the say
    });
  }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;
  ~PngDecoder() { png_destroy_read_struct(&png_, &info_, nullptr); }

  ImageSize size() {
    guarded([&] { png_read_info(png_, info_); });
    return {png_get_image_height(png_, info_), png_get_image_width(png_, info_)};
  }

  DecodedImage decode(const ImageOptions& options) {
    const auto [height, width] = size();
    check_image_size(height, width, name_, options.max_pixels);
    Image image(height, width);
    const bool keep_alpha = options.alpha && has_alpha();
    const Buffer rgba(keep_alpha ? static_cast<size_t>(height * width * 4) : 0);
    const int64_t row_bytes = width * (keep_alpha ? 4 : 3);
    uint8_t* rows = keep_alpha ? rgba.as<uint8_t>() : image.pixels.as<uint8_t>();
    guarded([&] {
      to_8_bits(keep_alpha);
      const int passes = png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
      if (png_get_rowbytes(png_, info_) != static_cast<size_t>(row_bytes)) give_up("an unknown kind of pixels");
      for (int pass = 0; pass < passes; ++pass)
        for (int64_t y = 0; y < height; ++y) png_read_row(png_, rows + y * row_bytes, nullptr);
      png_read_end(png_, info_);
    });
    if (keep_alpha) split_rgba(rgba, image);
    return {std::move(image), orientation()};
  }

 private:
  bool has_alpha() const {
    return (png_get_color_type(png_, info_) & PNG_COLOR_MASK_ALPHA) != 0 ||
           png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
  }

  void to_8_bits(bool keep_alpha) {
    const int type = png_get_color_type(png_, info_), bits = png_get_bit_depth(png_, info_);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (type == PNG_COLOR_TYPE_GRAY && bits < 8) png_set_expand_gray_1_2_4_to_8(png_);
    if (bits == 16) png_set_strip_16(png_);
    if ((type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png_);
    if (!keep_alpha) return png_set_strip_alpha(png_);
    if (png_get_valid(png_, info_, PNG_INFO_tRNS) != 0) png_set_tRNS_to_alpha(png_);
  }

  int orientation() {
    png_bytep exif = nullptr;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(png_, info_, &size, &exif) == 0) return 1;
    return exif_orientation({reinterpret_cast<const std::byte*>(exif), size});
  }

  void take(png_bytep out, size_t size) {
    if (size > rest_.size()) give_up("it ends too early");
    std::memcpy(out, rest_.data(), size);
    rest_ = rest_.subspan(size);
  }

  // Called from inside libpng, whose frames hold nothing that needs destroying.
  [[noreturn]] void give_up(const char* message) {
    std::snprintf(message_.data(), message_.size(), "%s", message);
    std::longjmp(escape_, 1);
  }

  // `step` holds nothing that needs destroying either.
  template <class Step>
  void guarded(const Step& step) {
    if (setjmp(escape_) == 0) return step();
    refuse_image(name_, std::string("a PNG that is damaged or cut short: ") + message_.data(), "a whole one",
                 "fetch or save it again");
  }

  std::span<const std::byte> rest_;
  const std::string& name_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::jmp_buf escape_;
  std::array<char, 256> message_{};
};

}  // namespace

DecodedImage decode_png(std::span<const std::byte> bytes, const std::string& name, const ImageOptions& options) {
  return PngDecoder(bytes, name).decode(options);
}

ImageSize png_size(std::span<const std::byte> bytes, const std::string& name) { return PngDecoder(bytes, name).size(); }

}  // namespace orrery::formats
