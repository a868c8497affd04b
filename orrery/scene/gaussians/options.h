// What training Gaussians is told. Names and defaults are those of the authors' program (Kerbl et al. 2023) where it
// has the option. Free of libtorch.
#pragma once

#include <cstdint>

#include "orrery/base/names.h"
#include "orrery/scene/data/raw_scene.h"

namespace orrery::scene {

enum class Densification {
  kAdaptive,  ///< clone, split, prune (density_control.h)
  kMcmc,      ///< relocate and add (mcmc.h); needs max_gaussians
};
inline constexpr Name<Densification> kDensificationNames[] = {{Densification::kAdaptive, "adaptive"},
                                                              {Densification::kMcmc, "mcmc"}};

inline constexpr Name<Background> kBackgroundNames[] = {
    {Background::kBlack, "black"}, {Background::kWhite, "white"}, {Background::kRandom, "random"}};

struct DensityOptions {
  double densify_grad_threshold = 2e-4;  ///< of the mean norm of the gradient of a centre in the image, NDC
  double percent_dense = 0.01;           ///< of the scene's extent: larger Gaussians are split, others cloned
  double min_opacity = 0.005;            ///< what is fainter goes
  double max_world_scale = 0.1;          ///< of the extent: what is larger goes, behind the first opacity reset
  double split_divisor = 1.6;            ///< a child's scale is its parent's over this
  double reset_opacity = 0.01;           ///< the most that a reset leaves
  int64_t max_gaussians = 0;  ///< those with the largest gradients come first while there is room; 0: no bound
};

struct McmcOptions {
  double noise_lr = 5e5;      ///< of the noise on means, times their learning rate
  double opacity_reg = 0.01;  ///< weight of the mean opacity in the loss
  double scale_reg = 0.01;    ///< weight of the mean scale
  double growth = 1.05;       ///< how many more there may be behind an event, until max_gaussians
};

struct GaussianOptions {
  bool inria_rules = false;  ///< the authors' rasteriser's rules, else gsplat's (kernels::GaussianRules)
  bool antialiased = false;
  int sh_degree = 3;
  int64_t sh_degree_interval = 1000;  ///< steps between one degree and the next
  double lambda_dssim = 0.2;
  double depth_lambda = 0;  ///< weight of depths at points that photos saw, times the extent (depth_loss.h)
  Background background = Background::kBlack;  ///< behind pictures with alpha, and in training behind all

  double position_lr_init = 1.6e-4, position_lr_final = 1.6e-6;  ///< times the scene's extent
  int64_t position_lr_max_steps = 30000;
  double feature_lr = 2.5e-3;  ///< of the constant colour; the other coefficients' is a twentieth
  double opacity_lr = 0.05, scaling_lr = 5e-3, rotation_lr = 1e-3;
  bool sparse_adam = true;  ///< Gaussians that a view does not show keep values and moments

  int64_t max_steps = 7000;     ///< of the whole run, over which the rates of what is corrected per photo fall
  bool exposure = false;        ///< colours of each photo are corrected too (exposure.h), at the rates below
  bool bilateral_grid = false;  ///< the same by place and brightness (bilateral_grid.h)
  double exposure_lr_init = 0.01, exposure_lr_final = 0.001;
  double pose_lr = 0;  ///< of corrections of poses (pose.h), at last a hundredth of it; 0: poses are right

  Densification densification = Densification::kAdaptive;
  int64_t densify_from_iter = 500, densify_until_iter = 15000, densification_interval = 100;
  int64_t opacity_reset_interval = 3000;
  bool absgrad = false;  ///< absolute gradients of centres (Ye et al. 2024, "AbsGS"), whose threshold is higher: 8e-4
  DensityOptions density;
  McmcOptions mcmc;
  uint64_t seed = 42;
};

}  // namespace orrery::scene
