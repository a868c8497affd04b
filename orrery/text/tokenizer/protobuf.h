// Reading Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding), as much as SentencePiece's models
// need.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "orrery/base/error.h"

namespace orrery::text {

/// Walks the fields of one message. Throws Error naming `where` for a length past the end, an overlong number or an
/// unknown wire type.
class ProtoReader {
 public:
  ProtoReader(std::string_view bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

  /// Moves to the next field; false at the end.
  bool next() {
    if (at_ == bytes_.size()) return false;
    const uint64_t tag = varint();
    field_ = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0:
        number_ = varint();
        break;
      case 1:
        text_ = take(8);
        break;
      case 2:
        text_ = take(varint());
        break;
      case 5:
        text_ = take(4);
        break;
      default:
        fail("wire type " + std::to_string(tag & 7));
    }
    wire_ = static_cast<int>(tag & 7);
    return true;
  }

  uint32_t field() const { return field_; }
  /// The field's value, whose wire type must fit.
  uint64_t number() const { return expect(0), number_; }
  bool boolean() const { return number() != 0; }
  std::string_view text() const { return expect(2), text_; }
  float real() const {
    expect(5);
    uint32_t bits;
    std::memcpy(&bits, text_.data(), sizeof bits);
    if constexpr (std::endian::native == std::endian::big) bits = __builtin_bswap32(bits);
    return std::bit_cast<float>(bits);
  }

  [[noreturn]] void fail(std::string found) const {
    throw Error({.doing = "read a SentencePiece model",
                 .where = where_ + ", byte " + std::to_string(at_),
                 .found = std::move(found),
                 .expected = "a tokenizer.model"});
  }

 private:
  void expect(int wire) const {
    if (wire_ != wire) fail("wire type " + std::to_string(wire_) + " in field " + std::to_string(field_));
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == bytes_.size()) fail("the end inside a number");
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail("a number of more than ten bytes");
  }
  std::string_view take(uint64_t length) {
    if (length > bytes_.size() - at_) fail("a field of " + std::to_string(length) + " bytes past the end");
    const std::string_view taken = bytes_.substr(at_, length);
    at_ += length;
    return taken;
  }

  std::string_view bytes_;
  std::string where_;
  size_t at_ = 0;
  uint32_t field_ = 0;
  int wire_ = -1;
  uint64_t number_ = 0;
  std::string_view text_;
};

}  // namespace orrery::text
