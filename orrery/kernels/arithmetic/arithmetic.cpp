#include "orrery/kernels/arithmetic/arithmetic.h"

#include <atomic>

#include "orrery/kernels/arithmetic/multiply_add.h"
#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"

namespace orrery::kernels {
namespace {

MultiplyAdd widest() {
#if defined(__x86_64__)
  if (isa() == Isa::kAvx512) return multiply_add_avx512();
  if (isa() == Isa::kAvx2) return multiply_add_avx2();
#elif defined(__aarch64__)
  if (isa() == Isa::kNeon) return multiply_add_neon();
#endif
  return multiply_add_reference();
}

}  // namespace

double arithmetic_rate(ThreadPool& pool, int passes) {
  constexpr int64_t kRounds = 4 << 20, kPieces = 4;  // of each thread: some 30 ms
  const MultiplyAdd loop = widest();
  const int64_t pieces = kPieces * pool.threads();
  std::atomic<float> result{0};  // so that the sums are not left out
  const double seconds =
      best_seconds(passes, [&] { pool.run(pieces, [&](int64_t, int) { result = loop.run(kRounds / kPieces); }); });
  return static_cast<double>(pieces * (kRounds / kPieces) * loop.operations) / seconds;
}

}  // namespace orrery::kernels
