#include <algorithm>

#include "orrery/kernels/gaussian_raster/frame.h"

namespace orrery::kernels {
namespace {

constexpr int64_t kPiece = 1024;  // Gaussians

void clear(const RasterInput& input, int64_t first, int64_t last, const RasterGradient& gradient) {
  const auto rows = [&](std::span<float> values, int columns) {
    if (!values.empty()) std::fill(values.begin() + first * columns, values.begin() + last * columns, 0.f);
  };
  rows(gradient.means2d, 2);
  rows(gradient.means2d_absolute, 2);
  rows(gradient.conics, 3);
  rows(gradient.depths, 1);
  rows(gradient.colours, input.channels);
  rows(gradient.opacities, 1);
  rows(gradient.compensations, 1);
}

/// `sums` is one slot's layout. With h = alpha·∂loss/∂alpha of a pixel and sigma = ½(a·dx² + c·dy²) + b·dx·dy, the sums
/// are Σh, Σh·dx, Σh·dx², Σh·dy, Σh·dx·dy, Σh·dy², then one per channel, then the two absolute ones.
void store(const RasterInput& input, int64_t i, int channels, bool with_depth, const float* sums,
           const RasterGradient& gradient) {
  const float a = input.conics[3 * i], b = input.conics[3 * i + 1], c = input.conics[3 * i + 2];
  const auto put = [i](std::span<float> to, std::initializer_list<float> values) {
    if (!to.empty()) std::copy(values.begin(), values.end(), to.begin() + i * values.size());
  };
  put(gradient.means2d, {a * sums[1] + b * sums[3], b * sums[1] + c * sums[3]});
  put(gradient.conics, {-0.5f * sums[2], -sums[4], -0.5f * sums[5]});
  put(gradient.opacities, {sums[0] / input.opacities[i]});
  if (!input.compensations.empty()) put(gradient.compensations, {sums[0] / input.compensations[i]});
  const float* colours = sums + 6;
  if (!gradient.colours.empty()) std::copy_n(colours, input.channels, gradient.colours.data() + i * input.channels);
  if (with_depth) put(gradient.depths, {colours[input.channels]});
  put(gradient.means2d_absolute, {colours[channels], colours[channels + 1]});
}

}  // namespace

void RasterMemory::Frame::gather(const RasterInput& input, bool with_depth, const RasterGradient& gradient,
                                 ThreadPool& pool) const {
  pool.run((input.size() + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    clear(input, piece * kPiece, std::min(input.size(), (piece + 1) * kPiece), gradient);
  });
  const auto size = static_cast<int64_t>(order.size());
  pool.run((size + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    for (int64_t rank = piece * kPiece; rank < std::min(size, (piece + 1) * kPiece); ++rank) {
      if (slots_from[rank] == slots_from[rank + 1]) continue;
      float sums[kMostSlotSize] = {};
      for (uint32_t slot = slots_from[rank]; slot < slots_from[rank + 1]; ++slot)
        for (int k = 0; k < slot_size; ++k) sums[k] += slots[static_cast<size_t>(slot) * slot_size + k];
      store(input, order[rank], channels, with_depth, sums, gradient);
    }
  });
}

}  // namespace orrery::kernels
