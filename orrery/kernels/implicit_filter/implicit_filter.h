// Hyena's filters as functions of position (Poli et al. 2023, sec. 3.3): a small network with sines for activations,
// times an exponential window.
#pragma once

#include <cstdint>
#include <vector>

namespace orrery::kernels {

/// h_0 = z_t;  h_{i+1} = sin(freq ⊙ (W_i h_i + b_i));  tap[t, c] = (W_out h_n)[c] · (exp(-t_t · |deltas_c|) + shift).
/// Names as in HazyResearch/safari, src/models/sequence/hyena.py. All matrices [out, in].
struct ImplicitFilter {
  struct Layer {
    const float* weight = nullptr;  ///< [width, inputs]
    const float* bias = nullptr;    ///< [width]
    int64_t inputs = 0;
  };
  int64_t width = 0, channels = 0;
  const float* z = nullptr;       ///< [positions, layers[0].inputs]: the positional embedding
  std::vector<Layer> layers;      ///< one at least
  const float* freq = nullptr;    ///< [width], of all layers
  const float* out = nullptr;     ///< [channels, width]
  bool modulate = false;          ///< else there is no window
  const float* t = nullptr;       ///< [positions]
  const float* deltas = nullptr;  ///< [channels]
  float shift = 0;
};

/// h_n of positions [first, last): features [last - first, width].
void filter_features(const ImplicitFilter& filter, int64_t first, int64_t last, float* features);

/// Taps [last - first, 16] of positions [first, last) and the `count` <= 16 channels first_channel, first_channel +
/// channel_step, …, from the features of these positions; further lanes are left alone. 2 · width operations a tap.
void filter_taps(const ImplicitFilter& filter, int64_t first, int64_t last, const float* features,
                 int64_t first_channel, int64_t channel_step, int64_t count, float* taps);
/// The same in plain loops.
void filter_taps_reference(const ImplicitFilter& filter, int64_t first, int64_t last, const float* features,
                           int64_t first_channel, int64_t channel_step, int64_t count, float* taps);

}  // namespace orrery::kernels
