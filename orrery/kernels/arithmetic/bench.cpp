#include <fmt/format.h>

#include <cstdlib>

#include "orrery/kernels/arithmetic/arithmetic.h"
#include "orrery/kernels/isa.h"

int main(int argc, char** argv) {
  const int most = argc > 1 ? std::atoi(argv[1]) : orrery::ThreadPool(0).threads();
  for (int threads = 1; threads <= most; ++threads) {
    orrery::ThreadPool pool(threads);
    fmt::print("{} threads, {}: {:.1f} GFLOP/s\n", threads, orrery::kernels::name(orrery::kernels::isa()),
               orrery::kernels::arithmetic_rate(pool) / 1e9);
  }
}
