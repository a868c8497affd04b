#include "orrery/kernels/bandwidth/bandwidth.h"

#include <gtest/gtest.h>

#include <vector>

#include "orrery/kernels/bandwidth/read_words.h"
#include "orrery/kernels/isa.h"

namespace orrery::kernels {
namespace {

TEST(Bandwidth, EveryWordIsRead) {
  for (size_t count : {0, 1, 63, 64, 65, 1000}) {
    std::vector<uint64_t> words(count + 1024);  // the prefetch looks ahead
    uint64_t expected = 0;
    for (size_t i = 0; i < count; ++i) expected ^= words[i] = (i + 1) * 0x9E3779B97F4A7C15;
    EXPECT_EQ(read_words_reference(words.data(), count), expected);
#if defined(__x86_64__)
    if (isa() >= Isa::kAvx2) {
      EXPECT_EQ(read_words_avx2(words.data(), count), expected);
    }
    if (isa() >= Isa::kAvx512) {
      EXPECT_EQ(read_words_avx512(words.data(), count), expected);
    }
#endif
  }
}

TEST(Bandwidth, IsANumberThatAMachineCanHave) {
  ThreadPool pool(2);
  const double bandwidth = read_bandwidth(pool, size_t{16} << 20, 2);
  EXPECT_GT(bandwidth, 1e7);
  EXPECT_LT(bandwidth, 1e14);
}

}  // namespace
}  // namespace orrery::kernels
