// Pictures against what Pillow makes of them (tests/formats/scripts/make_image_fixtures.py), and files that are none.
#include "orrery/formats/image.h"

#include <gtest/gtest.h>

#include <cstring>

#include "orrery/formats/image_decoders.h"
#include "orrery/formats/safetensors.h"
#include "tests/formats/png_writer.h"
#include "tests/formats/support.h"

namespace orrery::formats {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

const fs::path kFolder = fs::path(ORRERY_SOURCE_DIR) / "tests/fixtures/formats/images";

std::string fixture(const std::string& name) { return read_text(kFolder / name); }

std::string refusal(std::string_view bytes, const ImageOptions& options = {}) {
  return error_message([&] { decode_image(as_bytes(bytes), "some.file", options); });
}

void expect_pixels(const Image& image, const TensorView& expected) {
  const TensorView got = image.view();
  ASSERT_EQ(got.shape, expected.shape) << expected.name;
  EXPECT_EQ(std::memcmp(got.data, expected.data, static_cast<size_t>(expected.bytes)), 0) << expected.name;
}

TEST(Image, EveryKindIsWhatPillowMakesOfIt) {
  const SafetensorsFile expected = SafetensorsFile::open(kFolder / "expected.safetensors");
  int pictures = 0, turned = 0;
  for (const TensorView& tensor : expected.tensors()) {
    if (tensor.name.ends_with(":turned")) continue;
    ++pictures;
    expect_pixels(read_image(kFolder / tensor.name, {.turn = false}), tensor);
    const TensorView* other = expected.find(tensor.name + ":turned");
    turned += other != nullptr;
    expect_pixels(read_image(kFolder / tensor.name), other != nullptr ? *other : tensor);
  }
  EXPECT_EQ(pictures, 38);
  EXPECT_EQ(turned, 9);  // orientations 2 to 8 of JPEG, one each of PNG and WebP
}

// FNV-1a, 64 bits.
uint64_t digest(const Image& image) {
  uint64_t hash = 0xcbf29ce484222325;
  for (size_t i = 0; i < image.pixels.size(); ++i)
    hash = (hash ^ std::to_integer<uint64_t>(image.pixels.data()[i])) * 0x100000001b3;
  return hash;
}

TEST(Image, PhotosAreWhatPillowMakesOfThem) {
  const auto folder = shared_path("data/photos");
  if (!folder) GTEST_SKIP() << "no ../shared/data/photos";
  const struct {
    const char* name;
    int64_t height, width;
    uint64_t digest;  // of numpy.array(Image.open(name).convert("RGB")).tobytes(), Pillow 13.0.0
  } kPhotos[] = {
      {"astronaut.png", 512, 512, 0xfa4e6bff08e5e8fb}, {"camera.png", 512, 512, 0x350bdd5a5fceb30e},
      {"chelsea.png", 300, 451, 0xb2179687966157a8},   {"coffee.png", 400, 600, 0xd261c1b91ef6ee1e},
      {"coins.png", 303, 384, 0x15e27e9be8cf67c4},     {"dogs.jpg", 603, 1072, 0xf9fa94019e12855e},
      {"rocket.jpg", 427, 640, 0x34b9b35d9b0edb19},    {"truck.jpg", 1200, 1800, 0xf8ee03a900634202},
  };
  for (const auto& photo : kPhotos) {
    const Image image = read_image(*folder / photo.name);
    EXPECT_EQ(image.height, photo.height) << photo.name;
    EXPECT_EQ(image.width, photo.width) << photo.name;
    EXPECT_EQ(digest(image), photo.digest) << photo.name;
  }
}

TEST(Image, CutShortOrDamagedIsRefused) {
  for (const char* name : {"progressive.jpg", "grey2.png", "interlaced.png", "turned.webp", "alpha.webp"}) {
    const std::string whole = fixture(name);
    for (size_t size = 0; size < whole.size(); ++size)
      EXPECT_CONTAINS(refusal(whole.substr(0, size)), "cannot read a picture: some.file: found") << name << size;
  }
  std::string png = fixture("rgb.png");
  png[png.size() / 2] ^= 1;
  EXPECT_CONTAINS(refusal(png), "a PNG that is damaged or cut short: ");
  EXPECT_CONTAINS(error_message([] { read_image("no/such.jpg"); }), "no/such.jpg");
}

TEST(Image, OtherFilesAreNamed) {
  EXPECT_CONTAINS(refusal(""), "an empty file");
  EXPECT_CONTAINS(refusal("GIF89a\1\0\1\0"), "a GIF picture");
  EXPECT_CONTAINS(refusal("\0\0\0\x18"s + "ftypheic"), "a HEIC picture");
  EXPECT_CONTAINS(refusal("\0\0\0\x18"s + "ftypavif"), "an AVIF picture");
  EXPECT_CONTAINS(refusal("hello\n"), "begins with \"hello\\x0a\", expected a JPEG, PNG or WebP picture");
  EXPECT_CONTAINS(refusal(fixture("animated.webp")), "an animated WebP");
}

TEST(Image, TooLargeIsRefusedBeforeItIsDecoded) {
  for (const char* name : {"grey.jpg", "rgb.png", "lossy.webp"}) {
    EXPECT_EQ(refusal(fixture(name), {.max_pixels = 33 * 21}), "no error") << name;
    EXPECT_CONTAINS(refusal(fixture(name), {.max_pixels = 33 * 21 - 1}), "33 × 21 pixels, expected at most 692")
        << name;
  }
  std::string jpeg = fixture("grey.jpg");
  const size_t frame = jpeg.find("\xFF\xC0");
  jpeg.replace(frame + 5, 4, "\xFF\x00\xFF\x00"s);  // height and width, big-endian
  EXPECT_CONTAINS(refusal(jpeg), "65280 × 65280 pixels, expected at most 268435456");
}

TEST(Image, JpegsWithoutEndOfScansAreRefused) {
  const std::string whole = fixture("progressive.jpg");
  // The scan that refines the first coefficients: as often as one likes, they stay what they are.
  const size_t begin = whole.find("\xFF\xDA\0\x0C\3\1\0\2\0\3\0\0\0\x10"s), end = whole.find('\xFF', begin + 2);
  const std::string scan = whole.substr(begin, end - begin);
  std::string many;
  for (int i = 0; i < 100; ++i) many += scan;
  EXPECT_EQ(refusal(whole.substr(0, end) + scan + whole.substr(end)), "no error");
  EXPECT_CONTAINS(refusal(whole.substr(0, end) + many + whole.substr(end)), "more than 100 scans");
}

TEST(Image, AlphaIsKeptWhereItIsAskedFor) {
  const std::string pixels =
      "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\xFF\x0D\x0E\x0F\0"
      "\x11\x12\x13\x14\x15\x16\x17\x18"s;
  const std::string file = png_file(3, 2, 4, pixels);
  const Image plain = decode_image(as_bytes(file), "a.png");
  EXPECT_EQ(plain.alpha.size(), 0u);
  const Image image = decode_image(as_bytes(file), "a.png", {.alpha = true});
  ASSERT_EQ(image.alpha.size(), 6u);
  EXPECT_EQ(std::memcmp(image.pixels.data(), plain.pixels.data(), 18), 0);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(image.pixels.as<uint8_t>()[3 * i], static_cast<uint8_t>(pixels[4 * i]));
    EXPECT_EQ(image.alpha.as<uint8_t>()[i], static_cast<uint8_t>(pixels[4 * i + 3]));
  }
  EXPECT_EQ(decode_image(as_bytes(png_file(3, 2, 3, pixels)), "b.png", {.alpha = true}).alpha.size(), 0u);
}

TEST(Image, AlphaOfEveryKindLeavesTheColoursAsTheyAre) {
  int with_alpha = 0;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename();
    if (name == "expected.safetensors" || name == "animated.webp") continue;
    const Image plain = read_image(entry.path()), image = read_image(entry.path(), {.alpha = true});
    EXPECT_EQ(std::memcmp(image.pixels.data(), plain.pixels.data(), plain.pixels.size()), 0) << name;
    if (image.alpha.size() > 0) {
      ++with_alpha;
      EXPECT_EQ(static_cast<int64_t>(image.alpha.size()), image.height * image.width) << name;
    }
    const bool expected = name.find("alpha") != name.npos || name.find("transparent") != name.npos;
    EXPECT_TRUE(!expected || image.alpha.size() > 0) << name;
  }
  EXPECT_GE(with_alpha, 6);
}

TEST(Image, TheSameAlphaComesOutOfPngAndWebp) {
  const Image png = read_image(kFolder / "alpha.png", {.alpha = true});
  for (const char* name : {"alpha.webp", "alpha-lossless.webp", "grey-alpha.png"}) {  // each was saved from its picture
    const Image image = read_image(kFolder / name, {.alpha = true});
    ASSERT_EQ(image.alpha.size(), png.alpha.size()) << name;
    EXPECT_EQ(std::memcmp(image.alpha.data(), png.alpha.data(), png.alpha.size()), 0) << name;
  }
}

TEST(Image, SizesAreReadWithoutDecoding) {
  for (const char* name : {"grey.jpg", "rgb.png", "lossy.webp", "alpha16.png", "progressive.jpg"}) {
    const Image image = read_image(kFolder / name, {.turn = false});
    EXPECT_EQ(read_image_size(kFolder / name), (ImageSize{image.height, image.width})) << name;
  }
  EXPECT_CONTAINS(error_message([] { image_size(as_bytes("GIF89a\1\0"), "a.gif"); }), "a GIF picture");
}

TEST(Image, DamagedExifTurnsNothing) {
  const auto orientation = [](const std::string& exif) { return exif_orientation(as_bytes(exif)); };
  const std::string entry = "\x12\x01\x03\0\1\0\0\0\6\0\0\0"s, big = "\x01\x12\0\3\0\0\0\1\0\6\0\0"s;
  EXPECT_EQ(orientation("II*\0\x08\0\0\0\1\0"s + entry), 6);
  EXPECT_EQ(orientation("Exif\0\0II*\0\x08\0\0\0\1\0"s + entry), 6);
  EXPECT_EQ(orientation("MM\0*\0\0\0\x08\0\1"s + big), 6);
  EXPECT_EQ(orientation("II*\0\x08\0\0\0\0\0"s + entry), 1);                          // no entries
  EXPECT_EQ(orientation("II*\0\xF8\xFF\xFF\xFF\1\0"s + entry), 1);                    // a directory past the end
  EXPECT_EQ(orientation("II*\0\x08\0\0\0\xFF\xFF"s), 1);                              // entries past the end
  EXPECT_EQ(orientation("II*\0\x08\0\0\0\1\0"s + entry.substr(0, 8)), 1);             // half an entry
  EXPECT_EQ(orientation("II*\0\x08\0\0\0\1\0\x12\x01\x03\0\1\0\0\0\x09\0\0\0"s), 1);  // an orientation of 9
  EXPECT_EQ(orientation(""), 1);
}

}  // namespace
}  // namespace orrery::formats
