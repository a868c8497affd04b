#include <fmt/format.h>

#include <cstdlib>

#include "orrery/kernels/bandwidth/bandwidth.h"
#include "orrery/kernels/isa.h"

int main(int argc, char** argv) {
  const int most = argc > 1 ? std::atoi(argv[1]) : orrery::ThreadPool(0).threads();
  for (int threads = 1; threads <= most; ++threads) {
    orrery::ThreadPool pool(threads);
    fmt::print("{} threads, {}: {:.1f} GB/s\n", threads, orrery::kernels::name(orrery::kernels::isa()),
               orrery::kernels::read_bandwidth(pool) / 1e9);
  }
}
