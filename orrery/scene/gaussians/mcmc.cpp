#include "orrery/scene/gaussians/mcmc.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "orrery/scene/gaussians/density_control.h"

namespace orrery::scene {

namespace {

constexpr int64_t kNoisePiece = 2048;  // Gaussians at a time: all at once would take as much memory as their moments
constexpr int64_t kMost = 51;          // Gaussians in one place that eq. 9 is taken for, as the authors' program has it

/// Rows in proportion to the weights.
std::vector<int64_t> drawn(const std::vector<double>& weights, int64_t count, RandomStream& random) {
  std::vector<double> sums(weights.size());
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) sums[i] = sum += weights[i];
  std::vector<int64_t> rows(static_cast<size_t>(count));
  for (int64_t& row : rows)
    row = std::min<int64_t>(std::upper_bound(sums.begin(), sums.end(), random.uniform() * sum) - sums.begin(),
                            static_cast<int64_t>(weights.size()) - 1);
  return rows;
}

/// Each place that was drawn, and how often, shares what it has with those that come: their new opacity and scales.
void share(GaussianTable& table, const std::vector<int64_t>& places) {
  std::map<int64_t, int64_t> comers;
  for (const int64_t row : places) ++comers[row];
  auto opacities = table["opacity_logits"].value.accessor<float, 1>();
  auto scales = table["log_scales"].value.accessor<float, 2>();
  for (const auto& [row, count] : comers) {
    const double before = 1 / (1 + std::exp(-static_cast<double>(opacities[row])));
    const Relocated after = relocated(before, count + 1);
    const double opacity = std::clamp(after.opacity, 0.005, 1 - 1e-7);
    opacities[row] = static_cast<float>(std::log(opacity / (1 - opacity)));
    for (int64_t k = 0; k < 3; ++k) scales[row][k] += static_cast<float>(std::log(after.scale_factor));
  }
  const at::Tensor rows = at::tensor(places, at::kLong);
  for (const auto& [name, column] : table.columns()) {
    column.m.index_fill_(0, rows, 0);
    column.v.index_fill_(0, rows, 0);
  }
}

}  // namespace

Relocated relocated(double opacity, int64_t n) {
  n = std::min(n, kMost);
  const double shared = 1 - std::pow(1 - opacity, 1 / static_cast<double>(n));
  double sum = 0;
  for (int64_t i = 1; i <= n; ++i) {
    double choose = 1, power = shared;  // (i-1 over k), shared^(k+1)
    for (int64_t k = 0; k < i; ++k) {
      sum += choose * (k % 2 == 0 ? 1 : -1) * power / std::sqrt(static_cast<double>(k + 1));
      choose *= static_cast<double>(i - 1 - k) / static_cast<double>(k + 1);
      power *= shared;
    }
  }
  return {shared, opacity / sum};
}

McmcChange relocate_and_add(GaussianTable& table, const DensityOptions& density, const McmcOptions& options,
                            RandomStream random) {
  const at::NoGradGuard without_gradients;
  const auto weights_of = [&] {
    const at::Tensor opacities = table["opacity_logits"].value.sigmoid();
    const float* values = opacities.const_data_ptr<float>();
    return std::vector<double>(values, values + opacities.numel());
  };
  McmcChange change;
  std::vector<double> weights = weights_of();
  std::vector<int64_t> dead, alive;
  for (int64_t row = 0; row < table.size(); ++row)
    (weights[static_cast<size_t>(row)] <= density.min_opacity ? dead : alive).push_back(row);
  if (!dead.empty() && !alive.empty()) {
    for (const int64_t row : dead) weights[static_cast<size_t>(row)] = 0;
    const std::vector<int64_t> places = drawn(weights, static_cast<int64_t>(dead.size()), random);
    share(table, places);
    const at::Tensor from = at::tensor(places, at::kLong), to = at::tensor(dead, at::kLong);
    for (const auto& [name, column] : table.columns()) {
      column.value.index_copy_(0, to, column.value.index_select(0, from));
      column.m.index_fill_(0, to, 0);
      column.v.index_fill_(0, to, 0);
    }
    change.relocated = static_cast<int64_t>(dead.size());
  }
  const auto grown = static_cast<int64_t>(options.growth * static_cast<double>(table.size()));
  change.added = std::max<int64_t>(0, std::min(grown, density.max_gaussians) - table.size());
  if (change.added > 0) {
    const std::vector<int64_t> places = drawn(weights_of(), change.added, random);
    share(table, places);
    table.append(at::tensor(places, at::kLong));
  }
  return change;
}

void add_noise(GaussianTable& table, const McmcOptions& options, double means_rate, RandomStream random) {
  const at::NoGradGuard without_gradients;
  for (int64_t first = 0; first < table.size(); first += kNoisePiece) {
    const int64_t count = std::min(kNoisePiece, table.size() - first);
    const auto rows_of = [&](const char* name) { return table[name].value.narrow(0, first, count); };
    const at::Tensor noise = at::empty({count, 3, 1});
    float* values = noise.data_ptr<float>();
    for (int64_t i = 0; i < 3 * count; ++i) values[i] = static_cast<float>(random.normal());
    const at::Tensor opacity = rows_of("opacity_logits").sigmoid();
    const at::Tensor strength = (options.noise_lr * means_rate) / (1 + (100 * (opacity - 1 + 0.995)).exp());
    const at::Tensor axes = rotation_matrices(rows_of("quats")) * rows_of("log_scales").exp().unsqueeze(1);
    const at::Tensor spread = at::matmul(axes, at::matmul(axes.transpose(1, 2), noise)).squeeze(2);  // Σ·noise
    rows_of("means").add_(spread * strength.unsqueeze(1));
  }
}

}  // namespace orrery::scene
