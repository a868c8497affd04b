#include "orrery/train/event_file.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <chrono>
#include <string_view>

namespace orrery::train {

namespace {

constexpr auto kTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? (value >> 1) ^ 0x82F63B78u : value >> 1;
    table[i] = value;
  }
  return table;
}();

void put_little(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}
void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
// Fields of Protocol Buffers: kinds 0 (varint), 1 (64 bits), 2 (bytes), 5 (32 bits).
void put_key(std::string& out, int field, int kind) { put_varint(out, static_cast<uint64_t>(field << 3 | kind)); }
void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_key(out, field, 2);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string event(double wall_time) {
  std::string out;
  put_key(out, 1, 1);
  put_little(out, std::bit_cast<uint64_t>(wall_time), 8);
  return out;
}

uint32_t masked(uint32_t crc) { return std::rotr(crc, 15) + 0xA282EAD8u; }

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) crc = kTable[(crc ^ static_cast<unsigned char>(c)) & 0xFF] ^ (crc >> 8);
  return ~crc;
}

EventFile::EventFile(const std::filesystem::path& folder) {
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  out_.open(folder / fmt::format("events.out.tfevents.{:.6f}.orrery", now), std::ios::binary);
  std::string first = event(now);
  put_bytes(first, 3, "brain.Event:2");  // file_version
  write(first);
}

void EventFile::add(int64_t step, double wall_time, const std::map<std::string, double>& scalars) {
  std::string summary;
  for (const auto& [tag, value] : scalars) {
    std::string entry;
    put_bytes(entry, 1, tag);
    put_key(entry, 2, 5);  // simple_value
    put_little(entry, std::bit_cast<uint32_t>(static_cast<float>(value)), 4);
    put_bytes(summary, 1, entry);
  }
  std::string out = event(wall_time);
  put_key(out, 2, 0);
  put_varint(out, static_cast<uint64_t>(step));
  put_bytes(out, 5, summary);
  write(out);
  out_.flush();
}

void EventFile::write(const std::string& event) {
  std::string length, frame;
  put_little(length, event.size(), 8);
  frame = length;
  put_little(frame, masked(crc32c(length)), 4);
  frame += event;
  put_little(frame, masked(crc32c(event)), 4);
  out_ << frame;
}

}  // namespace orrery::train
