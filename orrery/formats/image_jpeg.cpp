// JPEG, by libjpeg-turbo.
#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it first
#include <cstring>

#include <jerror.h>
#include <jpeglib.h>

#include "orrery/formats/image_decoders.h"

namespace orrery::formats {
namespace {

constexpr int kMaxScans = 100;  // progressive files have some ten; each scan of a hostile one costs a pass over all

// What libjpeg calls warnings that leave every pixel as it was meant; after any other the picture would be wrong.
bool is_harmless(int code) {
  switch (code) {
    case JWRN_EXTRANEOUS_DATA:  // bytes between segments
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_PROGRESSION:
#ifdef JWRN_BOGUS_ICC
    case JWRN_BOGUS_ICC:
#endif
      return true;
    default:
      return false;
  }
}

class JpegDecoder {
 public:
  JpegDecoder(std::span<const std::byte> bytes, const std::string& name) : name_(name) {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) { of(info).give_up(); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0 && !is_harmless(info->err->msg_code)) of(info).give_up();
    };
    errors_.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = [](j_common_ptr info) {
      if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
      std::strcpy(of(info).message_.data(), "more than 100 scans");
      std::longjmp(of(info).escape_, 1);
    };
    guarded([&] {
      jpeg_create_decompress(&info_);
      info_.progress = &progress_;
      jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
      jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xFFFF);
    });
  }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;
  ~JpegDecoder() { jpeg_destroy_decompress(&info_); }

  ImageSize size() {
    guarded([&] { jpeg_read_header(&info_, TRUE); });
    return {info_.image_height, info_.image_width};
  }

  DecodedImage decode(int64_t max_pixels) {
    const ImageSize stored = size();
    check_image_size(stored.height, stored.width, name_, max_pixels);
    DecodedImage decoded{Image(info_.image_height, info_.image_width), orientation()};
    const bool four = info_.num_components == 4;
    if (info_.num_components != 1 && info_.num_components != 3 && !four)
      refuse_image(name_, std::to_string(info_.num_components) + " components", "1 (grey), 3 (colour) or 4 (CMYK)");
    info_.out_color_space = four ? JCS_CMYK : JCS_RGB;
    guarded([&] { jpeg_start_decompress(&info_); });
    if (four)
      read_cmyk(decoded.image);
    else
      read_rgb(decoded.image);
    guarded([&] { jpeg_finish_decompress(&info_); });
    return decoded;
  }

 private:
  static JpegDecoder& of(j_common_ptr info) { return *static_cast<JpegDecoder*>(info->client_data); }

  // Called from inside libjpeg, whose frames hold nothing that needs destroying.
  [[noreturn]] void give_up() {
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), message_.data());
    std::longjmp(escape_, 1);
  }

  // `step` holds nothing that needs destroying either.
  template <class Step>
  void guarded(const Step& step) {
    if (setjmp(escape_) == 0) return step();
    refuse_image(name_, std::string("a JPEG that is damaged or cut short: ") + message_.data(), "a whole one",
                 "fetch or save it again");
  }

  int orientation() const {
    for (jpeg_saved_marker_ptr marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      const std::span data(reinterpret_cast<const std::byte*>(marker->data), marker->data_length);
      if (marker->marker == JPEG_APP0 + 1 && data.size() > 4 && std::memcmp(data.data(), "Exif", 4) == 0)
        return exif_orientation(data);
    }
    return 1;
  }

  void read_rgb(const Image& image) {
    guarded([&] {
      while (info_.output_scanline < info_.output_height) {
        JSAMPROW row = image.row(info_.output_scanline);
        jpeg_read_scanlines(&info_, &row, 1);
      }
    });
  }

  // Adobe's inks, 255 for none: light that paper with these inks gives back, as Pillow computes it.
  void read_cmyk(const Image& image) {
    const Buffer inks(static_cast<size_t>(image.width) * 4);
    for (int64_t y = 0; y < image.height; ++y) {
      guarded([&] {
        JSAMPROW row = inks.as<uint8_t>();
        jpeg_read_scanlines(&info_, &row, 1);
      });
      const uint8_t* in = inks.as<uint8_t>();
      uint8_t* out = image.row(y);
      for (int64_t x = 0; x < image.width; ++x, in += 4)
        for (int i = 0; i < 3; ++i) *out++ = static_cast<uint8_t>(in[3] - (in[3] * (255 - in[i]) + 127) / 255);
    }
  }

  const std::string& name_;
  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf escape_;
  std::array<char, JMSG_LENGTH_MAX> message_{};
};

}  // namespace

DecodedImage decode_jpeg(std::span<const std::byte> bytes, const std::string& name, const ImageOptions& options) {
  return JpegDecoder(bytes, name).decode(options.max_pixels);
}

ImageSize jpeg_size(std::span<const std::byte> bytes, const std::string& name) {
  return JpegDecoder(bytes, name).size();
}

}  // namespace orrery::formats
