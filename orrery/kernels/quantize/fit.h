// The searches behind the quantisers: scales that minimise a weighted squared error over integer codes. Codes depend on
// the scale and the best scale on the codes, so each search tries a row of scales, rounds, solves for the scale in
// closed form and keeps the best (the method of ggml-org/llama.cpp's k-quants, pull request 1684 and its successors).
// Same result on every processor.
#pragma once

#include <span>

namespace orrery::kernels {

/// The nearest whole number in [low, high], halves to even, as a float. NaN gives low. |low|, |high| < 2^22.
inline float round_within(float value, float low, float high) {
  constexpr float kMagic = 12582912;  // 1.5 × 2^23, whose last bit weighs one
  const float above = low < value ? value : low;
  const float inside = above < high ? above : high;
  return (inside + kMagic) - kMagic;
}

/// Numbers first, first + step, …: a search divides them by the largest value, or by the range, to get an inverse
/// scale.
struct Tries {
  float first, step;
  int count;
};

/// The scale for x ≈ scale × code, low ≤ code ≤ high, minimising Σ w (x - scale × code)². 0 where all of x is (below
/// 1e-15). x.size() a multiple of 8, w as long; both here and below.
float fit_scale(std::span<const float> x, const float* w, Tries tries, float low, float high);

/// The same for IQ4's sixteen levels.
float fit_iq4_scale(std::span<const float> x, const float* w);

/// x ≈ scale × code + min with min ≤ 0 ≤ scale.
struct Line {
  float scale, min;
};

/// The line for codes 0 … levels that minimises Σ w (x - scale × code - min)².
Line fit_line(std::span<const float> x, const float* w, float levels, Tries tries);

}  // namespace orrery::kernels
