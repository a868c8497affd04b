// What each type costs: checks that a round trip stays within the type's error, then prints ns per element both ways,
// and GB/s of floats written (dequantize) beside what memset writes. One thread.  bench_quantize [TYPE...]
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/quantize/quantize.h"

using namespace orrery;

namespace {

// Seconds of one call: the best of at least three calls and a fifth of a second.
template <class Call>
double seconds_of(Call call) {
  using Clock = std::chrono::steady_clock;
  double best = INFINITY;
  const auto start = Clock::now();
  for (int round = 0; round < 3 || Clock::now() - start < std::chrono::milliseconds(200); ++round) {
    const auto before = Clock::now();
    call();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - before).count());
  }
  return best;
}

double relative_error(std::span<const float> values, std::span<const float> back) {
  double error = 0, square = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    error += (back[i] - values[i]) * (back[i] - values[i]);
    square += values[i] * values[i];
  }
  return std::sqrt(error / square);
}

}  // namespace

int main(int argc, char** argv) {
  constexpr size_t kElements = 1 << 20;  // 4 MB of floats: beyond the inner caches
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(kElements), back(kElements);
  for (float& value : values) value = 0.05f * normal(random);
  const double memset_seconds = seconds_of([&] { std::memset(back.data(), 1, kElements * sizeof(float)); });
  fmt::print("instruction set {}, memset {:.1f} GB/s\n", kernels::name(kernels::isa()),
             kElements * 4 / memset_seconds * 1e-9);
  fmt::print("{:8} {:>12} {:>16} {:>12} {:>16}\n", "type", "error", "quantize ns", "dequantize ns", "GB/s");
  for (int index = 0; index < static_cast<int>(DType::kCount); ++index) {
    const DType type = static_cast<DType>(index);
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted |= dtype_from_name(argv[i]) == type;
    if (!wanted) continue;
    std::vector<std::byte> blocks(static_cast<size_t>(bytes_of(type, kElements)));
    std::string error = "", quantize_ns = "";
    if (kernels::can_quantize(type)) {
      kernels::quantize(type, values, blocks);
      kernels::dequantize(type, blocks, back);
      const double relative = relative_error(values, back);
      if (!(relative < 1)) return fmt::print("{}: error {}\n", name(type), relative), 1;
      error = fmt::format("{:.5f}", relative);
      quantize_ns =
          fmt::format("{:.2f}", seconds_of([&] { kernels::quantize(type, values, blocks); }) / kElements * 1e9);
    } else {
      for (std::byte& byte : blocks) byte = static_cast<std::byte>(random() & 63);
    }
    const double seconds = seconds_of([&] { kernels::dequantize(type, blocks, back); });
    fmt::print("{:8} {:>12} {:>16} {:>12.3f} {:>16.1f}\n", name(type), error, quantize_ns, seconds / kElements * 1e9,
               kElements * 4 / seconds * 1e-9);
  }
}
