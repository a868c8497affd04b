// What every parser of untrusted bytes needs: a cursor that checks before it reads, and sizes that cannot overflow.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orrery/base/dtype.h"

namespace orrery::formats {

static_assert(std::endian::native == std::endian::little, "the files are little-endian and are read in place");

/// Text from a file made safe for a message: control and non-ASCII bytes as \xNN, at most 80 bytes of it, in quotes.
std::string printable(std::string_view text);

/// Elements of `shape`; nullopt when an extent is negative or the product (zeros counted as ones) passes int64.
std::optional<int64_t> checked_elements(std::span<const int64_t> shape);

/// Bytes of a contiguous tensor; nullopt where checked_elements is, where the bytes pass int64, or where a row of a
/// block type is not a whole number of blocks.
std::optional<int64_t> checked_bytes(DType dtype, std::span<const int64_t> shape);

/// A cursor over little-endian bytes. Every read is checked first; a failed one throws Error naming the file and the
/// field.
class ByteReader {
 public:
  /// `doing` and `where` begin each message: "read a GGUF file", the path.
  ByteReader(std::span<const std::byte> bytes, std::string doing, std::string where)
      : bytes_(bytes), doing_(std::move(doing)), where_(std::move(where)) {}

  template <class T>
  requires std::integral<T> || std::floating_point<T> T read(std::string_view field) {
    need(sizeof(T), field);
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }
  /// `size` bytes, viewed in place.
  std::span<const std::byte> take(uint64_t size, std::string_view field) {
    need(size, field);
    const auto part = bytes_.subspan(position_, size);
    position_ += size;
    return part;
  }
  std::string_view take_text(uint64_t size, std::string_view field) {
    const auto part = take(size, field);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  /// Throws unless `count` things of at least `each` bytes can still follow: call it before reserving memory for them.
  void need_count(uint64_t count, uint64_t each, std::string_view field) const {
    if (count > remaining() / each) fail_short(count, each, field);
  }

  /// A reader of some of the bytes, with the same messages.
  ByteReader part(std::span<const std::byte> bytes) const { return {bytes, doing_, where_}; }

  /// Bounds the memory of what is parsed: charge() throws once more than `bytes` have been charged in all.
  void set_budget(int64_t bytes) { budget_ = bytes; }
  void charge(uint64_t bytes, std::string_view field) {
    if (bytes > static_cast<uint64_t>(budget_)) fail_budget(field);
    budget_ -= static_cast<int64_t>(bytes);
  }

  void seek(uint64_t position, std::string_view field);
  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }
  std::span<const std::byte> bytes() const { return bytes_; }

  [[noreturn]] void fail(std::string_view field, std::string found, std::string expected,
                         std::string advice = "") const;

 private:
  void need(uint64_t size, std::string_view field) const {
    if (size > remaining()) fail_short(size, 1, field);
  }
  [[noreturn]] void fail_budget(std::string_view field) const;
  [[noreturn]] void fail_short(uint64_t count, uint64_t each, std::string_view field) const;

  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
  int64_t budget_ = INT64_MAX;
  std::string doing_, where_;
};

}  // namespace orrery::formats
