// The main of a fuzz target where libFuzzer is not: feeds it every file of the folders named, and every truncation of
// small ones. With ORRERY_FUZZ_MUTATIONS=N also N files that were changed at random in one to eight places, always the
// same ones; each must be done within ten seconds.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

void feed(const Bytes& bytes, size_t size) {
  // An exact heap block: a read past it is seen by AddressSanitizer.
  const Bytes copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

/// A number that parsers stumble over, as text.
const char* hard_number(std::mt19937& random) {
  static constexpr const char* kNumbers[] = {"0", "-1", "1e300", "2147483648", "9223372036854775807", "1e-300", "null"};
  return kNumbers[random() % std::size(kNumbers)];
}

/// One change: a bit, a byte, a range gone or doubled, a range of another file, a number in place of some bytes.
void change(Bytes& bytes, const std::vector<Bytes>& files, std::mt19937& random) {
  if (bytes.empty()) bytes.push_back(0);
  const size_t at = random() % bytes.size(), length = random() % std::min<size_t>(bytes.size() - at, 64) + 1;
  const auto here = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  const auto end = here + static_cast<std::ptrdiff_t>(std::min(length, bytes.size() - at));
  const Bytes range(here, end);
  switch (random() % 6) {
    case 0:
      bytes[at] ^= static_cast<uint8_t>(1u << random() % 8);
      break;
    case 1:
      bytes[at] = static_cast<uint8_t>(random());
      break;
    case 2:
      bytes.erase(here, end);
      break;
    case 3:
      bytes.insert(here, range.begin(), range.end());
      break;
    case 4: {
      const Bytes& other = files[random() % files.size()];
      if (other.empty()) break;
      const size_t from = random() % other.size(), count = std::min<size_t>(other.size() - from, length);
      bytes.insert(here, other.begin() + static_cast<std::ptrdiff_t>(from),
                   other.begin() + static_cast<std::ptrdiff_t>(from + count));
      break;
    }
    default: {
      const std::string_view number = hard_number(random);
      bytes.erase(here, here + static_cast<std::ptrdiff_t>(std::min<size_t>(range.size(), 1 + random() % 4)));
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), number.begin(), number.end());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr size_t kTruncated = 4096;  // bytes of the longest file whose every prefix is tried too
  size_t inputs = 0;
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
      if (entry.is_regular_file()) paths.push_back(entry.path());
  std::ranges::sort(paths);  // folders list their files in any order
  std::vector<Bytes> files;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const Bytes& bytes = files.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    for (size_t size = bytes.size() <= kTruncated ? 0 : bytes.size(); size <= bytes.size(); ++size, ++inputs)
      feed(bytes, size);
  }
  const char* asked = std::getenv("ORRERY_FUZZ_MUTATIONS");
  const long mutations = files.empty() || asked == nullptr ? 0 : std::atol(asked);
  for (long i = 0; i < mutations; ++i, ++inputs) {
    std::mt19937 random(static_cast<uint32_t>(i));
    Bytes bytes = files[random() % files.size()];
    for (size_t changes = random() % 8 + 1; changes > 0; --changes) change(bytes, files, random);
    alarm(10);  // a hang ends the program
    feed(bytes, bytes.size());
  }
  alarm(0);
  std::printf("%zu inputs\n", inputs);
  return inputs == 0;  // an empty corpus tests nothing
}
