#include "orrery/formats/npy_writer.h"

#include <fmt/ranges.h>

#include <cassert>
#include <string>

#include "orrery/base/file.h"
#include "orrery/formats/bytes.h"

namespace orrery::formats {

void write_npy(const std::filesystem::path& path, std::span<const int64_t> shape, std::span<const float> values) {
  assert(checked_elements(shape) == static_cast<int64_t>(values.size()));
  const char* end = shape.size() == 1 ? "," : "";  // a tuple of one needs its comma
  std::string header =
      fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{}), }}", fmt::join(shape, ", "), end);
  constexpr size_t kPreamble = 10, kAlignment = 64;  // the numbers begin at a multiple of 64 bytes
  header.resize((kPreamble + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment - kPreamble - 1, ' ');
  header += '\n';
  const auto size = static_cast<uint16_t>(header.size());
  AtomicFile file(path);
  file.write(std::string_view("\x93NUMPY\x01\x00", 8));  // version 1.0
  file.write(&size, sizeof size);
  file.write(header);
  file.write(values.data(), values.size_bytes());
  file.commit();
}

}  // namespace orrery::formats
