// Checks each recurrence against the reference, then times it on a prompt: nanoseconds per token and head, and products
// per second.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/isa.h"
#include "orrery/kernels/wkv/wkv.h"

using namespace orrery::kernels;

namespace {

constexpr int64_t kTokens = 512;

std::vector<float> uniform(size_t size, float low, float high, int seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> draw(low, high);
  std::vector<float> values(size);
  for (float& value : values) value = draw(random);
  return values;
}

template <class F>
double best_seconds(const F& f) {
  double best = 1e9;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

/// fast(state, y) and reference(state, y) from one state each.
template <class Fast, class Reference>
void check_and_time(const char* name, int64_t size, int64_t state_size, double products, const Fast& fast,
                    const Reference& reference) {
  std::vector<float> state(state_size), expected_state(state_size), y(kTokens * size), expected(kTokens * size);
  fast(state, TokenRowsOut{y.data(), size});
  reference(expected_state, TokenRowsOut{expected.data(), size});
  float worst = 0;
  for (size_t i = 0; i < y.size(); ++i) worst = std::max(worst, std::fabs(y[i] - expected[i]));
  const double seconds = best_seconds([&] { fast(state, TokenRowsOut{y.data(), size}); });
  fmt::print("{} size {:3}: largest difference {:.1e}, {:7.1f} ns per token, {:5.1f} G products/s\n", name, size, worst,
             seconds / kTokens * 1e9, products * kTokens / seconds / 1e9);
}

}  // namespace

int main() {
  fmt::print("wkv, {}\n", name(isa()));
  for (const int64_t size : {16, 32, 64, 128}) {
    const auto rows = [&](float low, float high, int seed) { return uniform(kTokens * size, low, high, seed); };
    const auto r = rows(-1, 1, 1), k = rows(-1, 1, 2), v = rows(-1, 1, 3), decay = rows(0.6f, 1, 4);
    const auto bonus = uniform(size, -1, 1, 5), fade = uniform(size, -2, 0, 6);
    std::vector<float> a = rows(-1, 1, 7), b(a.size());
    for (int64_t t = 0; t < kTokens; ++t) {  // a unit vector, and its opposite times a rate
      float squares = 0;
      for (int64_t i = 0; i < size; ++i) squares += a[t * size + i] * a[t * size + i];
      for (int64_t i = 0; i < size; ++i)
        a[t * size + i] /= std::sqrt(squares), b[t * size + i] = -0.5f * a[t * size + i];
    }
    const auto of = [&](const std::vector<float>& values) { return TokenRows{values.data(), size}; };
    const auto state4 = [&](std::vector<float>& s) {
      return Wkv4State{{s.data(), size_t(size)}, {s.data() + size, size_t(size)}, {s.data() + 2 * size, size_t(size)}};
    };
    const Wkv5Head head5{of(r), of(k), of(v), of(decay), bonus};
    const Wkv7Head head7{of(r), of(decay), of(k), of(v), of(a), of(b)};
    check_and_time(
        "wkv4", size, 3 * size, 6.0 * size,
        [&](auto& s, TokenRowsOut y) { wkv4(of(k), of(v), fade, bonus, kTokens, state4(s), y); },
        [&](auto& s, TokenRowsOut y) { wkv4_reference(of(k), of(v), fade, bonus, kTokens, state4(s), y); });
    check_and_time(
        "wkv5", size, size * size, 3.0 * size * size, [&](auto& s, TokenRowsOut y) { wkv5(head5, kTokens, s, y); },
        [&](auto& s, TokenRowsOut y) { wkv5_reference(head5, kTokens, s, y); });
    check_and_time(
        "wkv7", size, size * size, 5.0 * size * size,
        [&](auto& s, TokenRowsOut y) { wkv7(head7, size, kTokens, s, y); },
        [&](auto& s, TokenRowsOut y) { wkv7_reference(head7, size, kTokens, s, y); });
  }
}
