#include "orrery/scene/gaussians/density_control.h"

#include <ATen/ATen.h>

#include <cmath>

namespace orrery::scene {

namespace {

at::Tensor rows_of(const at::Tensor& mask) { return mask.nonzero().view(-1); }

at::Tensor largest_scales(const GaussianTable& table) { return table["log_scales"].value.detach().amax(1).exp(); }

/// The masks' rows with the largest gradients, as many as there is room for. A split takes the room of one, as a clone.
void keep_within(DensityMasks& masks, const at::Tensor& mean_gradient, int64_t room) {
  const at::Tensor wanted = rows_of(masks.clone.logical_or(masks.split));
  if (wanted.size(0) <= room) return;
  const at::Tensor order = std::get<1>(mean_gradient.index_select(0, wanted).sort(/*stable=*/true, 0, true));
  const at::Tensor kept = at::zeros(masks.clone.sizes(), at::kBool);
  kept.index_fill_(0, wanted.index_select(0, order.narrow(0, 0, std::max<int64_t>(0, room))), true);
  masks.clone = masks.clone.logical_and(kept);
  masks.split = masks.split.logical_and(kept);
}

}  // namespace

at::Tensor rotation_matrices(const at::Tensor& quats) {
  const at::Tensor q = quats / quats.norm(2, {1}, true);
  const at::Tensor w = q.select(1, 0), x = q.select(1, 1), y = q.select(1, 2), z = q.select(1, 3);
  return at::stack({1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),  //
                    2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),  //
                    2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)},
                   1)
      .view({-1, 3, 3});
}

DensityMasks density_masks(const GaussianTable& table, const at::Tensor& mean_gradient, const DensityOptions& options,
                           double extent) {
  const at::Tensor too_few = mean_gradient.ge(options.densify_grad_threshold);
  const at::Tensor large = largest_scales(table).gt(options.percent_dense * extent);
  return {too_few.logical_and(large.logical_not()), too_few.logical_and(large)};
}

void clone(GaussianTable& table, const at::Tensor& mask) { table.append(rows_of(mask)); }

void split(GaussianTable& table, const at::Tensor& mask, const at::Tensor& noise, double divisor) {
  const at::NoGradGuard without_gradients;
  const at::Tensor parents = rows_of(mask);
  const int64_t count = parents.size(0), before = table.size();
  if (count == 0) return;
  table.append(at::cat({parents, parents}));
  const at::Tensor children = at::arange(before, before + 2 * count, at::kLong);
  const at::Tensor scales = table["log_scales"].value.index_select(0, parents).exp();
  const at::Tensor offsets = at::matmul(rotation_matrices(table["quats"].value.index_select(0, parents)).unsqueeze(0),
                                        (scales.unsqueeze(0) * noise).unsqueeze(-1));  // [2, count, 3, 1]
  table["means"].value.index_add_(0, children, offsets.reshape({2 * count, 3}));
  table["log_scales"].value.narrow(0, before, 2 * count).sub_(std::log(divisor));
  table.select(at::cat({rows_of(mask.logical_not()), children}));
}

at::Tensor prune_mask(const GaussianTable& table, const DensityOptions& options, double extent, bool large_too) {
  const at::Tensor faint = table["opacity_logits"].value.detach().sigmoid().lt(options.min_opacity);
  return large_too ? faint.logical_or(largest_scales(table).gt(options.max_world_scale * extent)) : faint;
}

DensityChange densify(GaussianTable& table, const at::Tensor& mean_gradient, const DensityOptions& options,
                      double extent, bool large_too, const std::function<at::Tensor(int64_t)>& noise) {
  DensityMasks masks = density_masks(table, mean_gradient, options, extent);
  if (options.max_gaussians > 0) keep_within(masks, mean_gradient, options.max_gaussians - table.size());
  DensityChange change;
  change.cloned = masks.clone.sum().item<int64_t>();
  change.split = masks.split.sum().item<int64_t>();
  clone(table, masks.clone);
  split(table, at::cat({masks.split, at::zeros({change.cloned}, at::kBool)}), noise(change.split),
        options.split_divisor);
  const at::Tensor kept = rows_of(prune_mask(table, options, extent, large_too).logical_not());
  change.pruned = table.size() - kept.size(0);
  if (change.pruned > 0) table.select(kept);
  return change;
}

void reset_opacities(GaussianTable& table, const DensityOptions& options) {
  const at::NoGradGuard without_gradients;
  Column& opacities = table["opacity_logits"];
  opacities.value.clamp_max_(std::log(options.reset_opacity / (1 - options.reset_opacity)));
  opacities.m.zero_();
  opacities.v.zero_();
}

}  // namespace orrery::scene
