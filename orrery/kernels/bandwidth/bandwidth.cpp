#include "orrery/kernels/bandwidth/bandwidth.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "orrery/base/buffer.h"
#include "orrery/kernels/bandwidth/read_words.h"
#include "orrery/kernels/isa.h"

namespace orrery::kernels {
namespace {

using ReadWords = uint64_t (*)(const uint64_t*, size_t);

ReadWords widest() {
#if defined(__x86_64__)
  if (isa() == Isa::kAvx512) return read_words_avx512;
  if (isa() == Isa::kAvx2) return read_words_avx2;
#endif
  return read_words_reference;
}

}  // namespace

double read_bandwidth(ThreadPool& pool, size_t bytes, int passes) {
  constexpr size_t kChunkWords = (size_t{4} << 20) / sizeof(uint64_t);
  const int64_t chunks = std::max<int64_t>(static_cast<int64_t>(bytes / sizeof(uint64_t) / kChunkWords), 1);
  const Buffer buffer(chunks * kChunkWords * sizeof(uint64_t));
  uint64_t* words = buffer.as<uint64_t>();
  // Memory that was never written may all be the one page of zeros.
  pool.run(chunks,
           [&](int64_t chunk, int) { std::fill_n(words + chunk * kChunkWords, kChunkWords, uint64_t{1} + chunk); });

  const ReadWords read_words = widest();
  std::atomic<uint64_t> result{0};  // so that the reads are not left out
  double best_seconds = 1e30;
  for (int pass = 0; pass < passes; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    pool.run(chunks, [&](int64_t chunk, int) { result ^= read_words(words + chunk * kChunkWords, kChunkWords); });
    best_seconds =
        std::min(best_seconds, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return static_cast<double>(buffer.size()) / best_seconds;
}

}  // namespace orrery::kernels
