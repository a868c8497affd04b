// Files that lie. Each must be refused by an orrery::Error, in bounded memory; the parsers are the fuzz targets' own.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <random>

#include "orrery/formats/fuzz_parsers.h"
#include "tests/formats/pickle_builder.h"
#include "tests/formats/support.h"
#include "tests/sanitized.h"

namespace orrery::formats {
namespace {

namespace fs = std::filesystem;

struct Parser {
  const char* name;
  bool (*accepts)(std::span<const std::byte>);
};

class Hostile : public testing::TestWithParam<Parser> {
 protected:
  enum Part { kSeeds, kAll };
  /// The corpus of this parser's fuzz target: seeds, which are good files, have an extension; what fuzzing found has
  /// none.
  static std::vector<std::string> corpus(Part part) {
    std::vector<fs::path> paths;
    for (const auto& entry :
         fs::directory_iterator(fs::path(ORRERY_SOURCE_DIR) / "tests/fixtures/corpus" / GetParam().name)) {
      if (part == kAll || entry.path().has_extension()) paths.push_back(entry.path());
    }
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> files;
    for (const auto& path : paths) files.push_back(read_text(path));
    return files;
  }
};

constexpr int64_t kMemoryLimit = 100 << 20;  // the promise
constexpr rlim_t kHangSeconds = 20;          // no measure of speed: what has not ended by then does not end

constexpr bool kCountsMemory = !kSanitized;  // shadow memory and quarantine are counted too

int64_t peak_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

/// Runs `work` in a child process: it must end by itself, say true, and add less than kMemoryLimit to the peak.
void expect_bounded(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const rlimit limit{kHangSeconds, kHangSeconds};
    ::setrlimit(RLIMIT_CPU, &limit);
    const int64_t before = peak_bytes();
    const bool good = work();
    ::_exit(!good ? 1 : kCountsMemory && peak_bytes() - before > kMemoryLimit ? 2 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_NE(WEXITSTATUS(status), 1) << "accepted, or not refused by an orrery::Error";
  EXPECT_NE(WEXITSTATUS(status), 2) << "more than 100 MB";
}

void expect_refused(bool (*accepts)(std::span<const std::byte>), const std::string& bytes) {
  expect_bounded([&] { return !accepts(as_bytes(bytes)); });
}

/// A copy that ends where the heap block ends, so that reading past it is caught by a sanitizer.
std::vector<std::byte> exact(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

TEST_P(Hostile, ReplaysItsCorpus) {
  ASSERT_FALSE(corpus(kSeeds).empty());
  expect_bounded([&] {
    for (const std::string& file : corpus(kAll)) GetParam().accepts(exact(file));
    for (const std::string& file : corpus(kSeeds)) {
      if (!GetParam().accepts(exact(file))) return false;
    }
    return true;
  });
}

TEST_P(Hostile, RefusesEveryTruncation) {
  expect_bounded([&] {
    for (const std::string& file : corpus(kSeeds)) {
      for (size_t size = 0; size < file.size(); ++size) {
        // A list of tokens, of rwkv.cpp's tensors or of lines may end behind any of them.
        if (GetParam().accepts(exact(file.substr(0, size))) &&
            GetParam().name != std::string_view("llama2_c_tokenizer") &&
            GetParam().name != std::string_view("rwkv_cpp") && GetParam().name != std::string_view("colmap_text"))
          return false;
      }
    }
    return true;
  });
}

TEST_P(Hostile, SurvivesFlippedBits) {
  expect_bounded([&] {
    std::mt19937 random(1);
    for (const std::string& file : corpus(kSeeds)) {
      for (int trial = 0; trial < 1000; ++trial) {
        std::string bad = file;
        for (int flips = 1 + trial % 4; flips > 0 && !bad.empty(); --flips)
          bad[random() % bad.size()] ^= 1 << random() % 8;
        GetParam().accepts(exact(bad));
      }
    }
    return true;
  });
}

TEST_P(Hostile, RefusesNoise) {
  expect_bounded([&] {
    std::mt19937 random(2);
    for (int trial = 0; trial < 1000; ++trial) {
      std::string noise(1 + random() % 512, '\0');
      for (char& c : noise) c = static_cast<char>(random());
      if (GetParam().accepts(exact(noise))) return false;
    }
    return true;
  });
}

INSTANTIATE_TEST_SUITE_P(Formats, Hostile,
                         testing::Values(Parser{"gguf", fuzz_gguf}, Parser{"safetensors", fuzz_safetensors},
                                         Parser{"shard_index", fuzz_shard_index},
                                         Parser{"torch_pickle", fuzz_torch_pickle}, Parser{"llama2_c", fuzz_llama2_c},
                                         Parser{"llama2_c_tokenizer", fuzz_llama2_c_tokenizer},
                                         Parser{"rwkv_cpp", fuzz_rwkv_cpp}, Parser{"image", fuzz_image},
                                         Parser{"gzip", fuzz_gzip}, Parser{"colmap_binary", fuzz_colmap_binary},
                                         Parser{"colmap_text", fuzz_colmap_text},
                                         Parser{"transforms_json", fuzz_transforms_json},
                                         Parser{"opensfm", fuzz_opensfm}, Parser{"point_cloud", fuzz_point_cloud}),
                         [](const auto& info) { return std::string(info.param.name); });

std::string repeat(std::string_view part, size_t count) {
  std::string out;
  out.reserve(part.size() * count);
  for (size_t i = 0; i < count; ++i) out += part;
  return out;
}

constexpr size_t kMany = 4'000'000;

/// A pickle that would be fine without its nesting or its size.
void expect_pickle_refused(const std::string& code) {
  expect_refused(fuzz_torch_pickle, torch_zip(code + "."));
  expect_refused(fuzz_torch_pickle, torch_stream(code + ".", "].", ""));
}

TEST(HostilePickle, DeepNesting) {
  for (const size_t depth : {size_t{100}, size_t{1'000'000}, kMany}) {
    expect_pickle_refused(repeat("]", depth) + repeat("a", depth - 1));                     // lists in lists
    expect_pickle_refused("N" + repeat("\x85", depth));                                     // tuples in tuples
    expect_pickle_refused(repeat("(", depth) + repeat("t", depth));                         // marks
    expect_pickle_refused(repeat("}N", depth) + repeat("}s", 1) + repeat("s", depth - 1));  // dicts in dicts
  }
}

TEST(HostilePickle, AThousandMillionElementsByDoubling) {
  std::string code = "N";
  for (int level = 0; level < 30; ++level)
    code += std::string("q") + static_cast<char>(level) + "h" + static_cast<char>(level) + "\x86";
  expect_pickle_refused(code);  // 30 pairs of one pair: 2^30 leaves
  std::string deep = "N";
  for (int level = 0; level < 200; ++level)
    deep += std::string("q") + static_cast<char>(level) + "h" + static_cast<char>(level) + "\x86";
  expect_pickle_refused(deep);
}

TEST(HostilePickle, Cycles) {
  expect_pickle_refused(
      "]q\x01h\x01"
      "a");                                                                     // a list in itself
  expect_pickle_refused("}q\x01X\x01" + std::string("\0\0\0", 3) + "kh\x01s");  // a dict in itself
  expect_pickle_refused(
      "]q\x01h\x01\x85q\x02"
      "ah\x02");  // a list in a tuple in it
  expect_pickle_refused("cargparse\nNamespace\n)\x81q\x01}X\x01" + std::string("\0\0\0", 3) +
                        "kh\x01sb");  // a namespace in itself
}

TEST(HostilePickle, ManyValues) {
  expect_pickle_refused(repeat("N", kMany));
  expect_pickle_refused(repeat("]", kMany));
  expect_pickle_refused(repeat(")", kMany));
  expect_pickle_refused(repeat("N0", kMany / 2) + repeat("N", kMany / 2));
  expect_pickle_refused("N" + repeat("\x94", kMany));  // memo entries
  expect_pickle_refused("](" + repeat("N", kMany) + "e");
  expect_pickle_refused("]" + repeat("Na", kMany));
  expect_pickle_refused("N" + repeat("(1", kMany) + repeat("(", kMany));
}

TEST(HostilePickle, ManyTensorsAndLongNames) {
  // One rebuild call and its arguments, recalled from the memo: five bytes a tensor.
  const std::string tensor = Pickle{}.tensor("0", 1, 0, {1}, {1}).code.substr(2);
  const std::string function = "ctorch._utils\n_rebuild_tensor_v2\n";
  const std::string arguments = tensor.substr(function.size(), tensor.size() - function.size() - 1);
  const std::string setup = function +
                            "q\x01"
                            "0" +
                            arguments +
                            "q\x02"
                            "0";
  const std::vector<std::pair<std::string, std::string>> storages = {{"0", "abcd"}};
  expect_refused(fuzz_torch_pickle, torch_zip(setup + "](" + repeat("h\x01h\x02R", kMany / 4) + "e.", storages));
  // One list of tensors under many long keys.
  std::string names = setup + "](" + repeat("h\x01h\x02R", 1000) +
                      "eq\x03"
                      "0}(";
  for (int i = 0; i < 1000; ++i)
    names += Pickle{}.text(std::string(1000, 'k') + std::to_string(i)).code.substr(2) + "h\x03";
  expect_refused(fuzz_torch_pickle, torch_zip(names + "u.", storages));
  // A key of 64 MB.
  expect_refused(fuzz_torch_pickle,
                 torch_zip(Pickle{}.op("}").text(std::string(64 << 20, 'k')).op("}").text("a").op("]sss").stop()));
}

TEST(HostilePickle, StridedViewsThatWouldFillMemory) {
  std::string code = "(";
  for (int i = 0; i < 100; ++i) code += Pickle{}.tensor("0", 1, 0, {1 << 18, 8}, {0, 0}).code.substr(2);  // 8 MiB each
  expect_refused(fuzz_torch_pickle, torch_zip(code + "l.", {{"0", "abcd"}}));
}

TEST(HostileGguf, CountsFarPastTheFile) {
  const auto header = [](uint64_t tensors, uint64_t metadata) {
    return "GGUF" + raw<uint32_t>(3) + raw(tensors) + raw(metadata);
  };
  const auto key = raw<uint64_t>(1) + "k" + raw<uint32_t>(9);
  for (const uint64_t count : {uint64_t{1} << 60, UINT64_MAX, uint64_t{1} << 61, uint64_t{1'000'000}}) {
    expect_refused(fuzz_gguf, header(count, 0) + std::string(1000, '\0'));
    expect_refused(fuzz_gguf, header(0, count) + std::string(1000, '\0'));
    for (uint32_t element = 0; element < 13; ++element) {
      expect_refused(fuzz_gguf, header(0, 1) + key + raw(element) + raw(count) + std::string(1000, '\0'));
    }
  }
  std::string nested = header(0, 1) + key;
  for (int i = 0; i < 100'000; ++i) nested += raw<uint32_t>(9) + raw<uint64_t>(1);
  expect_refused(fuzz_gguf, nested);
}

TEST(HostileGguf, MetadataThatWidens) {
  const auto header = "GGUF" + raw<uint32_t>(3) + raw<uint64_t>(0) + raw<uint64_t>(1) + raw<uint64_t>(1) + "k";
  const size_t many = 48 << 20;
  expect_refused(fuzz_gguf,
                 header + raw<uint32_t>(9) + raw<uint32_t>(0) + raw<uint64_t>(many) + std::string(many, 'x'));
  expect_refused(fuzz_gguf,
                 header + raw<uint32_t>(9) + raw<uint32_t>(8) + raw<uint64_t>(many / 8) + std::string(many, '\0'));
  expect_refused(fuzz_gguf,
                 header + raw<uint32_t>(9) + raw<uint32_t>(9) + raw<uint64_t>(many / 12) + std::string(many, '\0'));
  expect_refused(fuzz_gguf, header + raw<uint32_t>(8) + raw<uint64_t>(2 * many) + std::string(2 * many, 'x'));
  std::string tensors = "GGUF" + raw<uint32_t>(3) + raw<uint64_t>(1'000'000) + raw<uint64_t>(0);
  for (uint32_t i = 0; i < 1'000'000; ++i) {
    tensors += raw<uint64_t>(4) + raw(i) + raw<uint32_t>(1) + raw<uint64_t>(0) + raw<uint32_t>(0) + raw<uint64_t>(0);
  }
  expect_refused(fuzz_gguf, tensors);
}

TEST(HostileSafetensors, DeepAndLongHeaders) {
  const auto file = [](const std::string& header) { return raw<uint64_t>(header.size()) + header; };
  for (const size_t depth : {size_t{10}, size_t{1'000'000}}) {
    expect_refused(fuzz_safetensors, file(repeat("{\"a\":", depth)));
    expect_refused(fuzz_safetensors, file("{\"a\":" + repeat("[", depth)));
    expect_refused(fuzz_safetensors, file("{\"__metadata__\":" + repeat("{\"a\":", depth)));
  }
  expect_refused(fuzz_safetensors,
                 file(R"({"a":{"dtype":"U8","shape":[)" + repeat("1,", kMany) + R"(1],"data_offsets":[0,1]}})"));
  expect_refused(fuzz_safetensors,
                 file("{" + repeat(R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)", 100'000) + "}"));
  for (const size_t size : {15 << 20, 17 << 20})
    expect_refused(fuzz_safetensors, file(R"({")" + std::string(size, 'x')));
  expect_refused(fuzz_safetensors, file(R"({"__metadata__":{"a":")" + std::string(15 << 20, ',') + R"("}})"));
  expect_refused(fuzz_safetensors, file("{" + std::string(15 << 20, ' ')));
  std::string many = "{";
  for (int i = 0; i < 250'000; ++i)
    many += '"' + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)";
  expect_refused(fuzz_safetensors, file(many));
  std::string index = R"({"weight_map":{)";
  for (int i = 0; i < 600'000; ++i) index += '"' + std::to_string(i) + R"(":"x",)";
  expect_refused(fuzz_shard_index, index);
  expect_refused(fuzz_shard_index, R"({")" + std::string(15 << 20, 'x'));
  expect_refused(fuzz_shard_index, repeat("{\"metadata\":", 1'000'000));
  expect_refused(fuzz_shard_index, "{\"metadata\":" + repeat("[", kMany));
}

TEST(HostileLlama2c, SizesFarPastTheFile) {
  for (const int32_t huge : {INT32_MAX, INT32_MIN, 1 << 30}) {
    for (int field = 0; field < 7; ++field) {
      std::vector<int32_t> config = {4, 6, 2, 2, 1, 3, 5};
      config[field] = huge;
      std::string bytes;
      for (int32_t value : config) bytes += raw(value);
      expect_refused(fuzz_llama2_c, bytes + std::string(1128, '\0'));
    }
  }
  expect_refused(fuzz_llama2_c_tokenizer, raw(INT32_MAX) + repeat(std::string(8, '\0'), kMany) + "x");
}

}  // namespace
}  // namespace orrery::formats
