// What we write for others to read: 16-bit PNG files by libpng's own reader, .npy files byte for byte.
#include <gtest/gtest.h>
#include <png.h>

#include <cstdio>
#include <cstring>

#include "orrery/formats/image.h"
#include "orrery/formats/npy_writer.h"
#include "orrery/formats/png_writer.h"
#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

TEST(PngWriter, GreyKeepsEachOfSixteenBitsAndItsText) {
  const TemporaryFolder folder;
  const std::vector<uint16_t> grey = {0, 1, 255, 256, 0x1234, 65535};
  const std::filesystem::path path = folder.path() / "grey.png";
  write_png(path, 3, 2, grey, {"white", "12.5"});

  std::FILE* file = std::fopen(path.c_str(), "rb");
  ASSERT_NE(file, nullptr);
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_read_png(png, info, PNG_TRANSFORM_SWAP_ENDIAN, nullptr);
  EXPECT_EQ(png_get_bit_depth(png, info), 16);
  EXPECT_EQ(png_get_color_type(png, info), PNG_COLOR_TYPE_GRAY);
  ASSERT_EQ(png_get_image_width(png, info), 3u);
  ASSERT_EQ(png_get_image_height(png, info), 2u);
  for (size_t y = 0; y < 2; ++y)
    EXPECT_EQ(std::memcmp(png_get_rows(png, info)[y], grey.data() + 3 * y, 6), 0) << "row " << y;
  png_textp text = nullptr;
  ASSERT_EQ(png_get_text(png, info, &text, nullptr), 1);
  EXPECT_STREQ(text->key, "white");
  EXPECT_STREQ(text->text, "12.5");
  png_destroy_read_struct(&png, &info, nullptr);
  std::fclose(file);
}

TEST(PngWriter, ColoursComeBack) {
  const TemporaryFolder folder;
  const std::vector<uint8_t> rgb = {0, 1, 2, 253, 254, 255, 7, 70, 170, 9, 90, 190};
  write_png(folder.path() / "rgb.png", 2, 2, std::span<const uint8_t>(rgb));
  write_png(folder.path() / "clamped.png", 1, 1, std::vector<float>{-1, 0.5f, 2});
  const Image image = read_image(folder.path() / "rgb.png");
  ASSERT_EQ(image.view().bytes, 12);
  EXPECT_EQ(std::memcmp(image.row(0), rgb.data(), rgb.size()), 0);
  const Image clamped = read_image(folder.path() / "clamped.png");
  EXPECT_EQ(clamped.row(0)[0], 0);
  EXPECT_EQ(clamped.row(0)[1], 128);
  EXPECT_EQ(clamped.row(0)[2], 255);
}

TEST(PngWriter, SaysWhatItCannotWrite) {
  const TemporaryFolder folder;
  const std::vector<uint16_t> grey = {1};
  EXPECT_CONTAINS(error_message([&] { write_png(folder.path() / "none" / "a.png", 1, 1, grey, {"a", "b"}); }), "a.png");
  EXPECT_CONTAINS(error_message([&] {
                    write_png(folder.path() / "a.png", 0, 0, std::vector<uint16_t>(), {"a", "b"});
                  }),
                  "a.png");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(NpyWriter, IsTheFileThatNumpySaves) {
  const TemporaryFolder folder;
  const std::vector<float> values = {0, 1, 2, 3, 4, 0.5f};
  write_npy(folder.path() / "two.npy", std::array<int64_t, 2>{2, 3}, values);
  const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  // Magic, version 1.0, 118 bytes of header: 128 before the numbers.
  const std::string before = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + dictionary;
  const std::string file = read_text(folder.path() / "two.npy");
  ASSERT_EQ(file.size(), 128 + 24u);
  EXPECT_EQ(file.substr(0, before.size()), before);
  EXPECT_EQ(file.substr(before.size(), 128 - before.size()), std::string(127 - before.size(), ' ') + "\n");
  EXPECT_EQ(std::memcmp(file.data() + 128, values.data(), 24), 0);

  write_npy(folder.path() / "one.npy", std::array<int64_t, 1>{6}, values);
  EXPECT_CONTAINS(read_text(folder.path() / "one.npy"), "'shape': (6,), }");
}

}  // namespace
}  // namespace orrery::formats
