// Reward models from comparisons (Bradley and Terry 1952; Ouyang et al. 2022, eq. 1).
#pragma once

#include <ATen/core/Tensor.h>

namespace orrery::align {

/// -log σ(chosen - rejected - margin) + center·(chosen + rejected)² of each pair, [pairs]. margin may be undefined;
/// center keeps rewards around zero (Eisenstein et al. 2023; TRL's center_rewards_coefficient).
at::Tensor reward_losses(const at::Tensor& chosen, const at::Tensor& rejected, const at::Tensor& margin, double center);

}  // namespace orrery::align
