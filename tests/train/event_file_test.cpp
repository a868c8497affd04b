#include "orrery/train/event_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cstring>

#include "orrery/base/file.h"

namespace orrery::train {
namespace {

TEST(Crc32c, OfTheStandardsExample) { EXPECT_EQ(crc32c("123456789"), 0xE3069283u); }  // RFC 3720, B.4

TEST(EventFile, FramesAreWhole) {
  const auto folder = std::filesystem::path(testing::TempDir()) / ("events-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  EventFile(folder).add(300, 1.5, {{"loss", 0.25}});
  const auto file = std::filesystem::directory_iterator(folder)->path();
  const std::string bytes = read_text(file);
  std::filesystem::remove_all(folder);

  std::vector<std::string> events;
  for (size_t at = 0; at < bytes.size();) {
    uint64_t length;
    uint32_t length_crc, crc;
    std::memcpy(&length, bytes.data() + at, 8);
    std::memcpy(&length_crc, bytes.data() + at + 8, 4);
    events.push_back(bytes.substr(at + 12, length));
    std::memcpy(&crc, bytes.data() + at + 12 + length, 4);
    EXPECT_EQ(length_crc, std::rotr(crc32c(bytes.substr(at, 8)), 15) + 0xA282EAD8u);
    EXPECT_EQ(crc, std::rotr(crc32c(events.back()), 15) + 0xA282EAD8u);
    at += 16 + length;
  }
  ASSERT_EQ(events.size(), 2u);
  EXPECT_NE(events[0].find("brain.Event:2"), std::string::npos);
  // wall_time (1): 1.5; step (2): 300; summary (5): value (1): tag (1) "loss", simple_value (2) 0.25.
  const std::string expected("\x09\0\0\0\0\0\0\xf8\x3f\x10\xac\x02\x2a\x0d\x0a\x0b\x0a\x04loss\x15\0\0\x80\x3e", 27);
  EXPECT_EQ(events[1], expected);
}

}  // namespace
}  // namespace orrery::train
