// A step of Adafactor (Shazeer and Stern 2018, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost") without
// momentum and with a rate from outside, as transformers' Adafactor(relative_step=False) takes it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace orrery::kernels {

struct AdafactorStep {
  double learning_rate = 1e-3, clip_threshold = 1, decay_rate = -0.8, weight_decay = 0;
  bool scale_parameter = false;  ///< the rate times max(10⁻³, RMS of the parameters)
  double gradient_scale = 1;     ///< gradients are multiplied by it first (clipping)
  int64_t step = 1;              ///< from 1
};

/// Runs work(0), …, work(parts - 1), in any order and on any threads.
using RunParts = std::function<void(int64_t parts, const std::function<void(int64_t)>& work)>;

/// A matrix [rows, columns], its second moment factored (algorithm 4): with g = gradient_scale·gradient, β = 1 - tᵈ
/// (d = decay_rate) and ε = 10⁻³⁰,
///   row_i = β row_i + (1 - β) mean_j(g² + ε);  column_j = β column_j + (1 - β) mean_i(g² + ε)
///   u_ij = g_ij / √(row_i · column_j / mean(row));  u = u / max(1, RMS(u) / clip_threshold)
///   p = (1 - lr·λ) p - lr·u
/// row [rows] and column [columns] tell the matrix's size. Reads g three times, p once, writes p: 20 bytes per value.
/// Values do not depend on how `run` orders its at most 32 parts. Keeps 33 values per column and one per row meanwhile.
void adafactor(const AdafactorStep& step, std::span<float> parameters, std::span<const float> gradients,
               std::span<float> row, std::span<float> column, const RunParts& run);

/// The same in plain loops, in float64 between loads and stores.
void adafactor_reference(const AdafactorStep& step, std::span<float> parameters, std::span<const float> gradients,
                         std::span<float> row, std::span<float> column);

/// What is no matrix: its second moment is kept whole, v = β v + (1 - β)(g² + ε), u = g/√v. All of one length. In plain
/// loops, in float64 between loads and stores: vectors are a thousandth of a model.
void adafactor_vector(const AdafactorStep& step, std::span<float> parameters, std::span<const float> gradients,
                      std::span<float> v);

}  // namespace orrery::kernels
