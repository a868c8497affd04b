// Gaussians as a task of the training loop (Kerbl et al. 2023, "3D Gaussian Splatting", sec. 5 and 7).
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orrery/base/random.h"
#include "orrery/base/thread_pool.h"
#include "orrery/kernels/photometric_loss/photometric_loss.h"
#include "orrery/nn/lpips.h"
#include "orrery/scene/gaussians/adam.h"
#include "orrery/scene/gaussians/bilateral_grid.h"
#include "orrery/scene/gaussians/density_control.h"
#include "orrery/scene/gaussians/exposure.h"
#include "orrery/scene/gaussians/options.h"
#include "orrery/scene/gaussians/photos.h"
#include "orrery/scene/gaussians/pose.h"
#include "orrery/scene/gaussians/watch.h"
#include "orrery/splat/renderer.h"
#include "orrery/train/loop.h"

namespace orrery::scene {

/// How near a scene is to a photo.
struct Likeness {
  double loss = 0, psnr = 0, ssim = 0;
  std::optional<double> lpips;

  void add(const Likeness& other, double share) {
    loss += share * other.loss, psnr += share * other.psnr, ssim += share * other.ssim;
    if (other.lpips) lpips = lpips.value_or(0) + share * *other.lpips;
  }
};

/// A step is one photo: drawn, compared by (1 - λ)·L1 + λ·(1 - SSIM), and back. Which one follows from the seed and the
/// step: all of them in an order of the epoch's own. The loop's learning rate is a factor of all rates, 1 as a rule.
/// The same on any number of threads.
class GaussianTask final : public train::Task {
 public:
  /// `extent`: 1.1 times the largest distance of a camera from their mean. Everything outlives this. Throws Error where
  /// options contradict each other.
  GaussianTask(GaussianTable& table, Photos& photos, Photos* held_out, double extent, const GaussianOptions& options,
               ThreadPool& pool);

  const train::NamedTensors& parameters() const override { return parameters_; }
  std::vector<double> begin_step(int64_t step) override;
  at::Tensor loss_sum(int64_t step, size_t micro_batch, train::Metrics& sums) override;
  int64_t steps_per_epoch() const override { return static_cast<int64_t>(photos_.size()); }
  std::unique_ptr<train::UpdateRule> rule_of(const std::string& name) override;
  train::NamedTensors memory() const override;
  std::vector<std::string> said() const override { return watch_ ? watch_->said() : std::vector<std::string>(); }
  void recall(const std::vector<std::string>& said) override {
    if (watch_) watch_->recall(said);
  }
  void after_step(int64_t step) override;
  void take_sizes(const std::map<std::string, std::vector<int64_t>>& sizes) override;
  void evaluate(train::Metrics& metrics) override;
  std::string note(const train::Metrics& metrics) const override;

  /// Held-out photos are compared by this too, as "lpips"; nullptr: not. Throws Error naming the first one that is too
  /// small for it.
  void compare_by(const nn::Lpips* lpips);
  /// Draws the view of a held-out photo, which it loads.
  Likeness compare_held_out(size_t index, Photo& photo);
  std::span<const float> drawn() const { return renderer_.image(); }  ///< [height, width, 3] of the last view
  /// Calls this behind every step, with their number so far.
  void on_step(std::function<void(int64_t)> callback) { on_step_ = std::move(callback); }
  /// What this has noticed goes into checkpoints. Outlives this.
  void remember(Watch& watch) { watch_ = &watch; }
  /// Draws a view with the highest degree there is; the renderer's images are of it then.
  const splat::Renderer& draw(const View& view, const std::array<float, 3>& background);
  /// What held-out photos are compared over: the run's background, black where that is random.
  std::array<float, 3> background_of_evaluation() const;
  /// What the last step came to.
  const StepSeen& last_step() const { return last_step_; }
  /// Where a training photo was taken from, as it is known so far.
  View view(size_t photo) const;
  /// And how it was exposed.
  Exposure exposure(size_t photo) const { return Exposure(row_of("exposures", photo)); }
  /// The degree of spherical harmonics that a step learns.
  int sh_degree(int64_t step) const;

 private:
  splat::RenderOptions render_options(int64_t step, const std::array<float, 3>& background) const;
  size_t photo_of(int64_t step);
  std::array<float, 3> background(int64_t step) const;
  double rate_of_means(int64_t step) const;
  bool corrects(const std::string& what) const { return of_photos_.contains(what); }
  std::span<float> row_of(const std::string& what, size_t photo) const;
  PoseCorrection pose(size_t photo) const { return PoseCorrection(row_of("poses", photo)); }
  at::Tensor gradient_of_row(const std::string& what, std::span<const double> of_row) const;
  BilateralGrid grid(size_t photo) const { return BilateralGrid(row_of("grids", photo)); }
  kernels::PhotometricLoss compare(const View& view, std::vector<double>& d_colours);
  double compare_depths();
  double lpips_of(const View& view, const Photo& photo);
  std::array<double, 6> pose_gradient(const std::array<float, 16>& d_camera_from_world, double& loss) const;
  bool resets_behind(int64_t step) const;
  void change_number(int64_t step);
  void control_density(int64_t step);
  void forget_gradients();
  double regularise(std::array<at::Tensor, 5>& gradients) const;

  GaussianTable& table_;
  Photos& photos_;
  Photos* held_out_;
  const double extent_;
  const GaussianOptions options_;
  ThreadPool& pool_;
  splat::Renderer renderer_;
  std::map<std::string, Column> of_photos_;  ///< corrections: "poses" [photos, 6], "exposures" [photos, 3, 4], "grids"
  train::NamedTensors parameters_;
  size_t current_ = 0;  ///< the step's photo
  StepSeen last_step_;
  Watch* watch_ = nullptr;
  Photo photo_;
  std::vector<float> exposed_, d_image_, d_alpha_, d_depth_, d_centres_;
  std::array<std::vector<float>, 4> d_values_;  ///< the gradients' memory, the same in every step; of sh there is none
  std::vector<uint8_t> takes_part_;
  at::Tensor norms_, counts_;  // of gradients of centres, since the last event
  std::function<void(int64_t)> on_step_;
  const nn::Lpips* lpips_ = nullptr;
  int64_t epoch_ = -1;
  std::vector<size_t> order_;
};

}  // namespace orrery::scene
