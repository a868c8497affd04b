// Checks long_conv against the sum in plain loops, then prints what a token of one channel costs on one core: all of a
// prompt at once, in pieces of 512, and token by token; and the multiplications that the plain sum would take.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/long_conv/long_conv.h"

using namespace orrery::kernels;

namespace {

struct Sequence {
  explicit Sequence(int64_t tokens) : memory((tokens + kConvPage - 1) / kConvPage * kConvPage * kConvLanes) {
    history = {memory.data(), kConvPage * kConvLanes, tokens};
  }
  std::vector<float> memory;
  ConvHistory history;
};

double seconds_in_pieces(const LongFilter& filter, const std::vector<float>& x, std::vector<float>& y, int64_t piece) {
  const auto tokens = static_cast<int64_t>(x.size()) / kConvLanes;
  std::vector<float> scratch(long_conv_scratch(tokens));
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    Sequence sequence(tokens);
    const auto start = std::chrono::steady_clock::now();
    for (int64_t t = 0; t < tokens; t += piece)
      long_conv(filter, 0, sequence.history, t, std::min(piece, tokens - t), x.data() + t * kConvLanes,
                y.data() + t * kConvLanes, scratch.data());
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t most = argc > 1 ? std::atoi(argv[1]) : 65536;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  fmt::print("long_conv, {}, one core, one group of {} channels\n", name(isa()), kConvLanes);
  for (int64_t tokens = 256; tokens <= most; tokens *= 4) {
    std::vector<float> taps(tokens * kConvLanes), bias(kConvLanes), x(tokens * kConvLanes), y(x.size());
    for (std::vector<float>* values : {&taps, &bias, &x})
      for (float& value : *values) value = normal(random);
    LongFilter filter(kConvLanes, tokens);
    std::ranges::copy(taps, filter.taps(0));
    std::ranges::copy(bias, filter.bias(0));
    filter.transform(0);

    const double ns = 1e9 / static_cast<double>(tokens * kConvLanes);
    const double whole = seconds_in_pieces(filter, x, y, tokens) * ns,
                 pieces = seconds_in_pieces(filter, x, y, 512) * ns, single = seconds_in_pieces(filter, x, y, 1) * ns;
    const int64_t checked = std::min<int64_t>(tokens, 4096);
    Sequence sequence(checked);
    std::vector<float> expected(checked * kConvLanes);
    long_conv_reference(filter, 0, sequence.history, 0, checked, x.data(), expected.data());
    double error = 0;
    for (size_t i = 0; i < expected.size(); ++i) error = std::max<double>(error, std::fabs(expected[i] - y[i]));
    error /= std::sqrt(static_cast<double>(checked));
    fmt::print(
        "{:6} tokens: at once {:5.2f} ns, by 512 {:5.2f} ns, one by one {:5.2f} ns a token and channel; error {:.0e}\n",
        tokens, whole, pieces, single, error);
    if (error > 4e-6) return 1;
  }
}
