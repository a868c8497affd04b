#include "orrery/formats/zip_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "orrery/formats/zip_format.h"

namespace orrery::formats {
namespace {

constexpr uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr uint64_t kEndBytes = 22, kEnd64LocatorBytes = 20, kDirectoryEntryBytes = 46, kLongestComment = 65535;
constexpr uint64_t kMaxEntries = 1 << 19;
constexpr uint16_t kZip64Extra = 1, kEncrypted = 1;
constexpr uint32_t kInZip64 = UINT32_MAX;  // "see the zip64 field"

/// The end record lies at the end of the file, before a comment that is nearly always empty.
uint64_t find_end_record(const ByteReader& reader) {
  const auto bytes = reader.bytes();
  if (bytes.size() >= kEndBytes) {
    const uint64_t last = bytes.size() - kEndBytes;
    for (uint64_t at = last + 1; at-- > last - std::min(last, kLongestComment);) {
      uint32_t signature;
      std::memcpy(&signature, bytes.data() + at, sizeof signature);
      if (signature == zip::kEnd) return at;
    }
  }
  reader.fail("zip directory", "none", "one at the end of the file", "the file is cut short: fetch it again");
}

}  // namespace

bool ZipReader::is_zip(std::span<const std::byte> bytes) {
  uint32_t signature = 0;
  if (bytes.size() >= sizeof signature) std::memcpy(&signature, bytes.data(), sizeof signature);
  return signature == zip::kLocalHeader;
}

ZipReader::ZipReader(const ByteReader& reader) : reader_(reader) {
  const uint64_t end = find_end_record(reader_);
  reader_.seek(end + 10, "zip directory");
  uint64_t count = reader_.read<uint16_t>("zip directory");
  uint64_t size = reader_.read<uint32_t>("zip directory");
  uint64_t offset = reader_.read<uint32_t>("zip directory");
  if (end >= kEnd64LocatorBytes) {
    reader_.seek(end - kEnd64LocatorBytes, "zip64 directory");
    if (reader_.read<uint32_t>("zip64 directory") == kEnd64Locator) {
      reader_.read<uint32_t>("zip64 directory");  // disk
      reader_.seek(reader_.read<uint64_t>("zip64 directory"), "zip64 directory");
      if (reader_.read<uint32_t>("zip64 directory") != kEnd64)
        reader_.fail("zip64 directory", "none", "one where it is said to be");
      reader_.take(28, "zip64 directory");  // record size, versions, disks, entries on this disk
      count = reader_.read<uint64_t>("zip64 directory");
      size = reader_.read<uint64_t>("zip64 directory");
      offset = reader_.read<uint64_t>("zip64 directory");
    }
  }
  read_directory(count, size, offset);
}

void ZipReader::read_directory(uint64_t count, uint64_t size, uint64_t offset) {
  reader_.seek(offset, "zip directory");
  reader_.need_count(size, 1, "zip directory");
  reader_.need_count(count, kDirectoryEntryBytes, "zip directory");
  if (count > kMaxEntries)
    reader_.fail("zip directory", fmt::format("{} entries", count), fmt::format("at most {}", kMaxEntries));
  entries_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string field = fmt::format("zip entry {}", i);
    if (reader_.read<uint32_t>(field) != zip::kDirectoryEntry)
      reader_.fail(field, "something else", "a directory entry");
    Entry entry;
    reader_.take(4, field);  // versions
    entry.flags = reader_.read<uint16_t>(field);
    entry.method = reader_.read<uint16_t>(field);
    reader_.take(8, field);  // time, date, CRC
    const uint64_t stored = reader_.read<uint32_t>(field);
    entry.size = reader_.read<uint32_t>(field);
    const auto name_bytes = reader_.read<uint16_t>(field);
    const auto extra_bytes = reader_.read<uint16_t>(field);
    const auto comment_bytes = reader_.read<uint16_t>(field);
    reader_.take(8, field);  // disk, attributes
    entry.header = reader_.read<uint32_t>(field);
    entry.name = reader_.take_text(name_bytes, field);
    read_zip64(reader_.take(extra_bytes, field), stored, entry, field);
    reader_.take(comment_bytes, field);
    entries_.push_back(entry);
  }
  std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  const auto twin = std::adjacent_find(entries_.begin(), entries_.end(),
                                       [](const Entry& a, const Entry& b) { return a.name == b.name; });
  if (twin != entries_.end()) reader_.fail("zip entry " + printable(twin->name), "the name twice", "each entry once");
}

/// Fields that did not fit their 32 bits stand in the extra field 1, in this order.
void ZipReader::read_zip64(std::span<const std::byte> extra, uint64_t stored, Entry& entry,
                           const std::string& field) const {
  ByteReader fields = reader_.part(extra);
  while (fields.remaining() >= 4) {
    const auto id = fields.read<uint16_t>(field);
    const auto size = fields.read<uint16_t>(field);
    const auto body = fields.take(size, field);
    if (id != kZip64Extra) continue;
    ByteReader numbers = reader_.part(body);
    if (entry.size == kInZip64) entry.size = numbers.read<uint64_t>(field);
    if (stored == kInZip64) numbers.read<uint64_t>(field);
    if (entry.header == kInZip64) entry.header = numbers.read<uint64_t>(field);
  }
}

const ZipReader::Entry* ZipReader::find(std::string_view name) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), name,
                                      [](const Entry& entry, std::string_view wanted) { return entry.name < wanted; });
  return found != entries_.end() && found->name == name ? &*found : nullptr;
}

std::span<const std::byte> ZipReader::bytes(const Entry& entry) const {
  const std::string field = "zip entry " + printable(entry.name);
  if (entry.flags & kEncrypted) reader_.fail(field, "encryption", "a plain entry");
  if (entry.method != 0) {
    reader_.fail(field, fmt::format("compression method {}", entry.method), "a stored entry",
                 "unpack the archive and zip it again with `zip -0`");
  }
  ByteReader local = reader_;
  local.seek(entry.header, field);
  if (local.read<uint32_t>(field) != zip::kLocalHeader) local.fail(field, "something else", "a local header");
  local.take(22, field);  // versions, flags, method, time, CRC, sizes: the directory's are the ones that count
  const auto name_bytes = local.read<uint16_t>(field);
  const auto extra_bytes = local.read<uint16_t>(field);
  local.take(uint64_t{name_bytes} + extra_bytes, field);
  return local.take(entry.size, field);
}

}  // namespace orrery::formats
