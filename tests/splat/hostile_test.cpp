// Scene files that lie: each must be refused by an orrery::Error or give a scene, in bounded memory.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "orrery/formats/gzip.h"
#include "orrery/splat/files/fuzz_scene.h"
#include "tests/sanitized.h"
#include "tests/splat/support.h"

namespace orrery::splat {
namespace {

namespace fs = std::filesystem;

struct Kind {
  const char *name, *corpus;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

bool accepts(const Kind& kind, std::string_view text) {
  const auto bytes = formats::as_bytes(text);
  const std::vector<std::byte> exact(bytes.begin(), bytes.end());  // a read past its end is seen by the sanitizer
  return fuzz_scene(kind.name, exact);
}

class HostileScene : public testing::TestWithParam<Kind> {
 protected:
  /// Good files have an extension; what is only to be survived has none.
  static std::vector<std::string> corpus(bool good) {
    std::vector<fs::path> paths;
    for (const auto& entry :
         fs::directory_iterator(fs::path(ORRERY_SOURCE_DIR) / "tests/fixtures/corpus" / GetParam().corpus))
      if (!good || entry.path().has_extension()) paths.push_back(entry.path());
    std::ranges::sort(paths);
    std::vector<std::string> files;
    for (const fs::path& path : paths) files.push_back(read_text(path));
    return files;
  }
};

/// Runs `work` in a child: it must end by itself, say true, and add less than 100 MB to the peak.
void expect_bounded(const std::function<bool()>& work) {
  constexpr int64_t kMemory = 100 << 20;
  const auto peak = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return int64_t{usage.ru_maxrss} * 1024;
  };
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit{60, 60};  // what has not ended by then does not end
    ::setrlimit(RLIMIT_CPU, &limit);
    const int64_t before = peak();
    const bool good = work();
    ::_exit(!good ? 1 : !kSanitized && peak() - before > kMemory ? 2 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_NE(WEXITSTATUS(status), 1) << "accepted, or not refused by an orrery::Error";
  EXPECT_NE(WEXITSTATUS(status), 2) << "more than 100 MB";
}

TEST_P(HostileScene, ReplaysItsCorpus) {
  ASSERT_FALSE(corpus(true).empty());
  for (const std::string& file : corpus(true)) EXPECT_TRUE(accepts(GetParam(), file));
  for (const std::string& file : corpus(false)) accepts(GetParam(), file);
}

TEST_P(HostileScene, RefusesEveryTruncation) {
  expect_bounded([] {
    for (const std::string& file : corpus(true))
      for (size_t size = 0; size < file.size(); ++size) {
        const bool may = GetParam().name == std::string_view("splat") && size % 32 == 0;  // ends behind any Gaussian
        if (accepts(GetParam(), file.substr(0, size)) && !may) return false;
      }
    return true;
  });
}

TEST_P(HostileScene, SurvivesFlippedBits) {
  expect_bounded([] {
    std::mt19937 random(1);
    for (const std::string& file : corpus(true))
      for (int trial = 0; trial < 1000; ++trial) {
        std::string bad = file;
        // Half of them where a file says what it is.
        const size_t reach = trial % 2 == 0 ? bad.size() : std::min<size_t>(bad.size(), 64);
        for (int flips = 1 + trial % 4; flips > 0; --flips) bad[random() % reach] ^= 1 << random() % 8;
        accepts(GetParam(), bad);
      }
    return true;
  });
}

TEST_P(HostileScene, RefusesNoise) {
  expect_bounded([] {
    std::mt19937 random(2);
    for (int trial = 0; trial < 1000; ++trial) {
      std::string noise(1 + random() % 6000, '\0');
      for (char& c : noise) c = static_cast<char>(random());
      if (accepts(GetParam(), noise)) return false;
    }
    return true;
  });
}

INSTANTIATE_TEST_SUITE_P(All, HostileScene,
                         testing::Values(Kind{"ply", "scene_ply"}, Kind{"compressed.ply", "scene_compressed_ply"},
                                         Kind{"splat", "scene_splat"}, Kind{"spz", "scene_spz"},
                                         Kind{"ksplat", "scene_ksplat"}, Kind{"sog", "scene_sog"}),
                         [](const auto& info) { return std::string(info.param.corpus); });

std::string file_of(const std::string& name, const SaveOptions& options = {}) {
  const TemporaryFolder folder;
  save(folder.path() / name, random_scene(5, 1), options);
  return read_text(folder.path() / name);
}

std::string with_number(std::string text, size_t at, uint32_t value) {
  std::memcpy(text.data() + at, &value, sizeof value);
  return text;
}

constexpr uint32_t kCounts[] = {0, 6, 1000, 1u << 20, 1u << 31, UINT32_MAX};

void expect_refused(const char* name, const std::string& text) {
  expect_bounded([&] { return !accepts({name, ""}, text); });
}

TEST(HostileCounts, OfPly) {
  for (const char* name : {"scene.ply", "scene.compressed.ply"}) {
    const std::string text = file_of(name);
    const size_t at = text.find("element vertex 5");
    for (const char* count : {"0", "6", "99999999", "4611686018427387904", "18446744073709551615", "-5", "5x", ""})
      expect_refused(name + 6, std::string(text).replace(at, 16, std::string("element vertex ") + count));
  }
}

TEST(HostileCounts, OfSpz) {
  const std::string four = file_of("scene.spz", {.spz_version = 4});
  for (const uint32_t count : kCounts) expect_refused("spz", with_number(four, 8, count));
  for (const size_t at : {size_t{16}, size_t{32}, size_t{40}})  // contents' place, a stream's sizes
    for (const uint32_t value : kCounts) expect_refused("spz", with_number(four, at, value));
  for (const size_t at : {size_t{12}, size_t{13}, size_t{15}}) {  // degree, fractional bits, streams
    std::string bad = four;
    bad[at] = static_cast<char>(200);
    expect_refused("spz", bad);
  }
  std::string zeros(64 << 10, '\0');  // of gzip's: much from little
  const uint32_t header[] = {0x5053474e, 3, 0x7fffffff, 3};
  std::memcpy(zeros.data(), header, sizeof header);
  const auto packed = formats::gzip_compress(formats::as_bytes(zeros));
  expect_refused("spz", {reinterpret_cast<const char*>(packed.data()), packed.size()});
}

TEST(HostileCounts, OfKsplat) {
  const std::string one = file_of("scene.ksplat");
  for (const size_t section : {0, 4, 8, 12, 32, 36})
    for (const uint32_t count : kCounts)
      expect_bounded([&] {
        accepts({"ksplat", ""}, with_number(one, 4096 + section, count));
        return true;
      });
  for (const uint32_t count : {1u << 20, 1u << 31, UINT32_MAX}) {
    expect_refused("ksplat", with_number(one, 4096, count));      // Gaussians there
    expect_refused("ksplat", with_number(one, 4096 + 4, count));  // and room for so many
    expect_refused("ksplat", with_number(one, 4, count));         // sections
  }
}

TEST(HostileSog, CountsAndNamesInItsMeta) {
  const TemporaryFolder folder;
  save(folder.path() / "scene", random_scene(50, 1), {.format = "sog"});
  const std::string meta = read_text(folder.path() / "scene/meta.json");
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string bad = meta;
    bad.replace(bad.find(from), from.size(), to);
    folder.write("scene/meta.json", bad);
    return error_message([&] { load(folder.path() / "scene"); });
  };
  EXPECT_EQ(refusal("\"count\":50", "\"count\":50"), "no error");
  EXPECT_CONTAINS(refusal("\"count\":50", "\"count\":2000000000"), "a count of 2000000000 in");
  EXPECT_CONTAINS(refusal("\"count\":50", "\"count\":-1"), "count -1");
  EXPECT_CONTAINS(refusal("\"count\":50", "\"count\":100"), "expected 100 pixels");
  EXPECT_CONTAINS(refusal("\"version\":2", "\"version\":3"), "version 3");
  EXPECT_CONTAINS(refusal("means_l.webp", "../a.webp"), "the name of a file beside it");
  EXPECT_CONTAINS(refusal("means_l.webp", "missing.webp"), "missing.webp");
  EXPECT_CONTAINS(refusal("\"codebook\":[", "\"codebook\":[1,"), "no list of 256 numbers");
  EXPECT_CONTAINS(refusal("\"quats\"", "\"quads\""), "no quats");
  EXPECT_CONTAINS(refusal("{", "["), "");
}

}  // namespace
}  // namespace orrery::splat
