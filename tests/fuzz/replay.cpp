// The main of a fuzz target where libFuzzer is not: feeds it every file of the folders named, and every truncation of
// small ones.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  constexpr size_t kTruncated = 4096;  // bytes of the longest file whose every prefix is tried too
  size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
      for (size_t size = bytes.size() <= kTruncated ? 0 : bytes.size(); size <= bytes.size(); ++size, ++inputs) {
        const std::vector<uint8_t> copy(bytes.begin(),
                                        bytes.begin() + static_cast<std::ptrdiff_t>(size));  // an exact heap
        LLVMFuzzerTestOneInput(copy.data(), copy.size());  // block: a read past it is seen by AddressSanitizer
      }
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs == 0;  // an empty corpus tests nothing
}
