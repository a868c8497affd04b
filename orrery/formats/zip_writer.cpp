#include "orrery/formats/zip_writer.h"

#include <fmt/format.h>
#include <zlib.h>

#include "orrery/base/error.h"
#include "orrery/formats/zip_format.h"

namespace orrery::formats {
namespace {

constexpr uint16_t kVersion = 20, kDate = 0x21;  // 1 January 1980: the same scene gives the same bytes

template <class... Numbers>
std::string raw(Numbers... numbers) {
  std::string text;
  (text.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
  return text;
}

}  // namespace

void ZipWriter::add(const std::string& name, std::span<const std::byte> bytes) {
  if (file_.size() + bytes.size() + directory_.size() + (1 << 16) > UINT32_MAX)
    throw Error({.doing = "write a zip archive",
                 .where = path_.string(),
                 .found = fmt::format("{} bytes more in {}", bytes.size(), name),
                 .expected = "less than 4 GiB in all"});
  const auto offset = static_cast<uint32_t>(file_.size()), size = static_cast<uint32_t>(bytes.size());
  const auto sum = static_cast<uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
  const auto name_size = static_cast<uint16_t>(name.size());
  // Version, flags, method (stored), time, date, CRC, both sizes, name's and extra field's lengths.
  const std::string common =
      raw(kVersion, uint16_t{0}, uint16_t{0}, uint16_t{0}, kDate, sum, size, size, name_size, uint16_t{0});
  file_.write(raw(zip::kLocalHeader) + common + name);
  file_.write(bytes.data(), bytes.size());
  // Made by; then comment's length, disk, attributes.
  directory_ += raw(zip::kDirectoryEntry, kVersion) + common +
                raw(uint16_t{0}, uint16_t{0}, uint16_t{0}, uint32_t{0}, offset) + name;
  ++entries_;
}

void ZipWriter::commit() {
  const auto offset = static_cast<uint32_t>(file_.size()), size = static_cast<uint32_t>(directory_.size());
  file_.write(directory_);
  file_.write(raw(zip::kEnd, uint16_t{0}, uint16_t{0}, entries_, entries_, size, offset, uint16_t{0}));
  file_.commit();
}

}  // namespace orrery::formats
