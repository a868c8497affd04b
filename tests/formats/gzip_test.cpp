// gzip files as gzip(1) and Python write them (tests/fixtures/corpus/gzip), and files that are none.
#include "orrery/formats/gzip.h"

#include <gtest/gtest.h>

#include "tests/formats/support.h"

namespace orrery::formats {
namespace {
namespace fs = std::filesystem;
using namespace std::string_literals;

std::string gzip_fixture(const std::string& name) {
  return read_text(fs::path(ORRERY_SOURCE_DIR) / "tests/fixtures/corpus/gzip" / name);
}

std::string inflated(std::string_view bytes, const GzipOptions& options = {}, size_t piece = 1 << 16) {
  GzipReader reader(as_bytes(bytes), "some.gz", options);
  std::string text;
  std::vector<std::byte> part(piece);
  while (const size_t size = reader.read(part)) text.append(reinterpret_cast<const char*>(part.data()), size);
  EXPECT_EQ(reader.position(), bytes.size());
  return text;
}

std::string gzip_refusal(std::string_view bytes, const GzipOptions& options = {}) {
  return error_message([&] { inflated(bytes, options); });
}

TEST(Gzip, IsReadAsItWasBeforePacking) {
  std::string rows;
  for (int i = 0; i < 40; ++i)
    rows += "{\"prompt\": \"" + std::to_string(i) + " + 1 =\", \"completion\": \" " + std::to_string(i + 1) + "\"}\n";
  for (const size_t piece : {size_t{1}, size_t{7}, rows.size(), rows.size() + 1})
    EXPECT_EQ(inflated(gzip_fixture("rows.gz"), {}, piece), rows) << piece;
  EXPECT_EQ(inflated(gzip_fixture("stored.gz")), "[1]\n");
  EXPECT_EQ(inflated(gzip_fixture("fields.gz")), "{}\n");  // with a name, a comment, an extra field and a header's CRC
  EXPECT_EQ(inflated(gzip_fixture("nothing.gz")), "");
}

TEST(Gzip, MembersAreJoinedAndPaddingIsPassedOver) {
  EXPECT_EQ(inflated(gzip_fixture("two-members")), "{\"text\": \"a\"}\n{\"text\": \"b\"}\n");  // an empty one between
  EXPECT_EQ(inflated(gzip_fixture("stored.gz") + gzip_fixture("rows.gz")), "[1]\n" + inflated(gzip_fixture("rows.gz")));
  EXPECT_CONTAINS(gzip_refusal(gzip_fixture("stored.gz") + "more"), "something else behind the end, at byte 27");
}

TEST(Gzip, CutShortOrDamagedIsRefused) {
  const std::string whole = gzip_fixture("rows.gz");
  for (size_t size = 2; size < whole.size(); ++size)
    EXPECT_CONTAINS(gzip_refusal(whole.substr(0, size)), "cannot read a gzip file: some.gz: found its end too early")
        << size;
  for (size_t i = 10; i < whole.size(); ++i) {  // behind the header, in which a time may be any
    if (i == whole.size() - 9) continue;        // the last bits before the CRC are padding
    std::string damaged = whole;
    damaged[i] ^= 0x10;
    EXPECT_NE(gzip_refusal(damaged), "no error") << i;
  }
}

TEST(Gzip, OtherFilesAreRefused) {
  EXPECT_CONTAINS(gzip_refusal(""), "an empty file, expected a gzip file");
  EXPECT_CONTAINS(gzip_refusal("PK\3\4"), "another kind of file, expected a gzip file");
  EXPECT_TRUE(is_gzip(as_bytes(gzip_fixture("rows.gz"))));
  EXPECT_FALSE(is_gzip(as_bytes("\x1f")));
  EXPECT_FALSE(is_gzip(as_bytes("{\"text\": 1}")));
}

TEST(Gzip, AFileThatGrowsBeyondTheLimitIsRefused) {
  const std::string bomb = gzip_fixture("bomb");  // 3 KB that stand for 3 MB
  EXPECT_EQ(inflated(bomb, {.max_bytes = 3 << 20}).size(), size_t{3} << 20);
  EXPECT_CONTAINS(gzip_refusal(bomb, {.max_bytes = (3 << 20) - 1}), "more than 3145727 bytes inside");
  GzipReader reader(as_bytes(bomb), "some.gz", {.max_bytes = 1000});
  std::vector<std::byte> part(1001);
  EXPECT_CONTAINS(error_message([&] { reader.read(part); }), "more than 1000 bytes");
  EXPECT_LT(reader.position(), bomb.size());  // it stops there
}

TEST(Gzip, RealDataIsReadWhole) {
  const auto file = shared_path("data/preference/hh_harmless_base_test.jsonl.gz");
  if (!file) GTEST_SKIP() << "no ../shared/data/preference";
  const std::string text = inflated(read_text(*file));
  EXPECT_EQ(text.size(), 3280164u);
  EXPECT_EQ(std::ranges::count(text, '\n'), 2312);
}

}  // namespace
}  // namespace orrery::formats
