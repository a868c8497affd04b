// Every setting of orrery scene train by its name. One line per setting.
#pragma once

#include "orrery/scene/gaussians/settings.h"
#include "orrery/train/field.h"

namespace orrery::scene {

/// visit(field, member) for each setting; enums come with their table: visit(field, member, names).
template <class AnySettings, class Visit>
void visit_fields(AnySettings& s, const Visit& visit) {
  using train::Field;
  constexpr const char *kData = "Data", *kSteps = "Steps", *kModel = "Gaussians", *kRates = "Learning rates",
                       *kPhotos = "Photos that do not quite fit", *kDensity = "How many there are",
                       *kMcmc = "Densification mcmc", *kRun = "Run";
  auto& g = s.gaussians;
  visit(Field{"data", kData, "A folder of photos with poses: COLMAP, Blender, nerfstudio, OpenSfM"}, s.data);
  visit(Field{"downscale", kData, "Photos of a so many times smaller width and height"}, s.downscale);
  visit(Field{"test_every", kData, "Hold out the first photo, by name, and every so many behind it; 0: none"},
        s.test_every);
  visit(Field{"background", kData, "Behind what is transparent: black, white, random", ~0u, "as the data says"},
        s.background);
  visit(Field{"random_points", kData, "Where the data has no points, begin with so many at random places"},
        s.random_points);

  visit(Field{"max_steps", kSteps, "Photos that are drawn and compared, one after the other"}, s.loop.max_steps);
  visit(Field{"seed", kSteps, "Of all random draws"}, g.seed);

  visit(Field{"sh_degree", kModel, "Of colours by direction: 0 to 3"}, g.sh_degree);
  visit(Field{"sh_degree_interval", kModel, "Steps between one degree and the next"}, g.sh_degree_interval);
  visit(Field{"antialiased", kModel, "Opacities make up for the low-pass filter (Mip-Splatting)"}, g.antialiased);
  visit(Field{"inria_rules", kModel, "Draw as the paper's authors' program does, not as gsplat"}, g.inria_rules);
  visit(Field{"lambda_dssim", kModel, "Share of 1 - SSIM in the loss; the rest is L1"}, g.lambda_dssim);
  visit(Field{"depth_lambda", kModel,
              "Weight of depths at the points that COLMAP saw in a photo, times the extent; 0: none, usual: 0.01"},
        g.depth_lambda);

  visit(Field{"position_lr_init", kRates, "Of centres at first, times the scene's extent"}, g.position_lr_init);
  visit(Field{"position_lr_final", kRates, "And at last"}, g.position_lr_final);
  visit(Field{"position_lr_max_steps", kRates, "Steps from the first to the last"}, g.position_lr_max_steps);
  visit(Field{"feature_lr", kRates, "Of colours; a twentieth for those by direction"}, g.feature_lr);
  visit(Field{"opacity_lr", kRates, "Of opacities"}, g.opacity_lr);
  visit(Field{"scaling_lr", kRates, "Of scales"}, g.scaling_lr);
  visit(Field{"rotation_lr", kRates, "Of rotations"}, g.rotation_lr);
  visit(Field{"sparse_adam", kRates, "What a photo does not show keeps its values and moments"}, g.sparse_adam);

  visit(Field{"pose_lr", kPhotos,
              "Of a correction of each training photo's pose, in radians and extents; at last a hundredth; 0: none, "
              "usual: 0.001"},
        g.pose_lr);
  visit(Field{"exposure", kPhotos, "Learn each training photo's exposure and white balance"}, g.exposure);
  visit(Field{"bilateral_grid", kPhotos, "Or what differs by place and brightness: vignettes, tone curves"},
        g.bilateral_grid);
  visit(Field{"exposure_lr_init", kPhotos, "Rate of these at first"}, g.exposure_lr_init);
  visit(Field{"exposure_lr_final", kPhotos, "And at last"}, g.exposure_lr_final);

  visit(Field{"max_gaussians", kDensity, "No more than these; 0: as many as it takes"}, g.density.max_gaussians);
  visit(Field{"memory", kDensity, "The same bound as memory of what learns: 4G, 512M"}, s.memory);
  visit(Field{"densification", kDensity, "How there come to be more"}, g.densification, kDensificationNames);
  visit(Field{"densify_from_iter", kDensity, "From this step on"}, g.densify_from_iter);
  visit(Field{"densify_until_iter", kDensity, "Until this step"}, g.densify_until_iter);
  visit(Field{"densification_interval", kDensity, "Every so many steps"}, g.densification_interval);
  visit(Field{"densify_grad_threshold", kDensity, "Where a centre's mean gradient in the image is at least this"},
        g.density.densify_grad_threshold);
  visit(Field{"absgrad", kDensity, "Sum that gradient's absolute values (AbsGS); the threshold is then about 0.0008"},
        g.absgrad);
  visit(Field{"percent_dense", kDensity, "Larger than this share of the extent: split, else cloned"},
        g.density.percent_dense);
  visit(Field{"min_opacity", kDensity, "What is fainter goes"}, g.density.min_opacity);
  visit(Field{"opacity_reset_interval", kDensity, "Every so many steps opacities fall to 0.01; 0: never"},
        g.opacity_reset_interval);

  visit(Field{"noise_lr", kMcmc, "Of the noise on centres, times their rate"}, g.mcmc.noise_lr);
  visit(Field{"opacity_reg", kMcmc, "Weight of the mean opacity in the loss"}, g.mcmc.opacity_reg);
  visit(Field{"scale_reg", kMcmc, "Weight of the mean scale"}, g.mcmc.scale_reg);

  visit(Field{"logging_steps", kRun, "Steps of a line of metrics"}, s.loop.logging_steps);
  visit(Field{"eval_steps", kRun, "Measure the held-out photos every so many steps, and at the end; 0: never"},
        s.loop.eval_steps);
  visit(Field{"lpips", kRun,
              "Measure them by LPIPS too: files of a network's weights and of the metric's, vgg16.pth,vgg.pth"},
        s.lpips);
  visit(Field{"save_steps", kRun, "A checkpoint every so many steps, and at the end"}, s.loop.save_steps);
  visit(Field{"save_total_limit", kRun, "Checkpoints that stay; 0: all"}, s.loop.save_total_limit);
  visit(Field{"scene_steps", kRun, "Write scene.ply every so many steps, for the viewer; 0: at the end alone"},
        s.scene_steps);
  visit(Field{"threads", kRun, "Threads; 0: one per core"}, s.threads);
}

}  // namespace orrery::scene
