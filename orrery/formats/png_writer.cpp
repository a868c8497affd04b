#include "orrery/formats/png_writer.h"

#include <png.h>

#include <algorithm>
#include <cassert>
#include <vector>

#include "orrery/base/error.h"
#include "orrery/base/file.h"

namespace orrery::formats {

void write_png(const std::filesystem::path& path, int width, int height, std::span<const uint8_t> rgb) {
  assert(rgb.size() == static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  png_image image{.version = PNG_IMAGE_VERSION,
                  .width = static_cast<png_uint_32>(width),
                  .height = static_cast<png_uint_32>(height),
                  .format = PNG_FORMAT_RGB};
  png_alloc_size_t size = 0;
  std::vector<std::byte> bytes;
  const auto encode = [&] {
    return png_image_write_to_memory(&image, bytes.empty() ? nullptr : bytes.data(), &size, 0, rgb.data(), 0, nullptr);
  };
  bool fine = encode();  // how many bytes it takes
  if (fine) {
    bytes.resize(size);
    fine = encode();
  }
  if (!fine)
    throw Error({.doing = "write a picture", .where = path.string(), .found = static_cast<const char*>(image.message)});
  AtomicFile file(path);
  file.write(bytes.data(), size);
  file.commit();
}

void write_png(const std::filesystem::path& path, int width, int height, std::span<const float> rgb) {
  std::vector<uint8_t> bytes(rgb.size());
  std::ranges::transform(rgb, bytes.begin(),
                         [](float value) { return static_cast<uint8_t>(std::clamp(value, 0.f, 1.f) * 255 + 0.5f); });
  write_png(path, width, height, std::span<const uint8_t>(bytes));
}

}  // namespace orrery::formats
