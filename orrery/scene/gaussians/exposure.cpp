#include "orrery/scene/gaussians/exposure.h"

#include <algorithm>
#include <vector>

namespace orrery::scene {

namespace {

constexpr size_t kPixels = 4096;  // of a thread's turn

/// work(piece, first pixel, pixel behind the last).
template <class Work>
void for_pixels(size_t values, ThreadPool& pool, const Work& work) {
  const size_t pixels = values / 3;
  pool.run(static_cast<int64_t>((pixels + kPixels - 1) / kPixels), [&](int64_t turn, int) {
    const auto piece = static_cast<size_t>(turn);
    work(piece, piece * kPixels, std::min(pixels, (piece + 1) * kPixels));
  });
}

}  // namespace

void expose(Exposure exposure, std::span<const float> image, std::span<float> exposed, ThreadPool& pool) {
  for_pixels(image.size(), pool, [&](size_t, size_t first, size_t end) {
    for (size_t pixel = first; pixel < end; ++pixel) {
      const float* colour = &image[3 * pixel];
      for (size_t k = 0; k < 3; ++k)
        exposed[3 * pixel + k] =
            colour[0] * exposure[k] + colour[1] * exposure[4 + k] + colour[2] * exposure[8 + k] + exposure[4 * k + 3];
    }
  });
}

std::array<double, 12> expose_backward(Exposure exposure, std::span<const float> image, std::span<float> gradient,
                                       ThreadPool& pool) {
  std::vector<std::array<double, 12>> of_pieces(image.size() / 3 / kPixels + 1);
  for_pixels(image.size(), pool, [&](size_t piece, size_t first, size_t end) {
    std::array<double, 12>& sums = of_pieces[piece];
    for (size_t pixel = first; pixel < end; ++pixel) {
      const float* colour = &image[3 * pixel];
      float* at = &gradient[3 * pixel];
      const std::array<float, 3> d_exposed = {at[0], at[1], at[2]};
      for (size_t j = 0; j < 3; ++j) {
        for (size_t k = 0; k < 3; ++k) sums[4 * j + k] += static_cast<double>(colour[j]) * d_exposed[k];
        sums[4 * j + 3] += d_exposed[j];
        at[j] =
            d_exposed[0] * exposure[4 * j] + d_exposed[1] * exposure[4 * j + 1] + d_exposed[2] * exposure[4 * j + 2];
      }
    }
  });
  std::array<double, 12> sums{};
  for (const auto& of_piece : of_pieces)
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += of_piece[i];
  return sums;
}

}  // namespace orrery::scene
