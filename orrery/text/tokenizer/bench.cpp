// Tokenizer speed on one core: encoding of a text file and of the texts that make tokenizers slow, and loading.
//   bench_tokenizer TOKENIZER TEXT [REPEATS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>

#include "orrery/base/error.h"
#include "orrery/base/file.h"
#include "orrery/formats/gguf.h"
#include "orrery/text/tokenizer/tokenizer.h"

namespace {

using Clock = std::chrono::steady_clock;
using orrery::text::Tokenizer;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::unique_ptr<Tokenizer> load(const std::string& path) {
  return path.ends_with(".gguf") ? Tokenizer::from_gguf(orrery::formats::GgufFile::open(path)) : Tokenizer::open(path);
}

std::string repeat(const std::string& text, size_t bytes) {
  std::string all;
  while (all.size() < bytes) all += text;
  return all;
}

void measure(const Tokenizer& tokenizer, const char* name, const std::string& text, int repeats) {
  double best = 1e9;
  size_t tokens = 0;
  for (int i = 0; i < repeats; ++i) {
    const auto start = Clock::now();
    tokens = tokenizer.encode(text).size();
    best = std::min(best, seconds_since(start));
  }
  std::printf("%-16s %9zu bytes %9zu tokens  %8.2f ms  %7.1f MB/s\n", name, text.size(), tokens, best * 1e3,
              static_cast<double>(text.size()) / best / 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fputs("usage: bench_tokenizer TOKENIZER TEXT [REPEATS]\n", stderr), 2;
  try {
    const int repeats = argc > 3 ? std::atoi(argv[3]) : 5;
    double loading = 1e9;
    std::unique_ptr<Tokenizer> tokenizer;
    for (int i = 0; i < repeats; ++i) {
      const auto start = Clock::now();
      tokenizer = load(argv[1]);
      loading = std::min(loading, seconds_since(start));
    }
    std::printf("%-16s %.1f ms\n", "load", loading * 1e3);
    const std::string text = orrery::read_text(argv[2]);
    constexpr size_t kMegabyte = 1 << 20;
    measure(*tokenizer, "text", repeat(text, kMegabyte), repeats);
    measure(*tokenizer, "text, 10 times", repeat(text, 10 * kMegabyte), 1);
    for (const auto& [name, unit] : {std::pair("a", "a"),
                                     {"spaces", " "},
                                     {"newlines", "\n"},
                                     {"é", "é"},
                                     {"digits", "7"},
                                     {"CJK", "天地玄黄宇宙洪荒日月盈昃"},
                                     {"emoji", "😀👩‍👩‍👧🇺🇸❤️"},
                                     {"marks", "a\u0301\u0323"},
                                     {"punctuation", "!?.,"},
                                     {"A", "A"},
                                     {"a A", "aA"},
                                     {"' '", "'"},
                                     {"random letters", "qzjxkvwbpfgmcydulthrsnioae"},
                                     {"invalid", "\xff"}}) {
      measure(*tokenizer, name, repeat(unit, kMegabyte), repeats);
    }
    const auto ids = tokenizer->encode(repeat(text, kMegabyte));
    const auto start = Clock::now();
    const size_t bytes = tokenizer->decode(ids).size();
    std::printf("%-16s %7.1f MB/s\n", "decode", static_cast<double>(bytes) / seconds_since(start) / 1e6);
  } catch (const orrery::Error& error) {
    return std::fprintf(stderr, "%s\n", error.what()), 2;
  }
}
