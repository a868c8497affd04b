#include "orrery/scene/gaussians/task.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "orrery/base/error.h"
#include "orrery/base/fit.h"
#include "orrery/scene/gaussians/depth_loss.h"
#include "orrery/scene/gaussians/mcmc.h"
#include "orrery/train/pieces.h"

namespace orrery::scene {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

constexpr const char* kNames[] = {"means", "log_scales", "quats", "opacity_logits", "sh"};

constexpr double kPoseDecay = 1e-6;    // gsplat's pose_opt_reg: the weight of half the squares of corrections
constexpr double kGridVariation = 10;  // gsplat's weight of what neighbours in a grid differ in

using All = std::array<at::Tensor, 5>;  // in the order of kNames

struct Gradients {
  variable_list of_variables;
};

/// A loss whose gradients are known already.
struct KnownGradients : torch::autograd::Function<KnownGradients> {
  static Variable forward(AutogradContext* context, at::TensorList, double loss, const Gradients& gradients) {
    context->saved_data["gradients"] = gradients.of_variables;
    return at::scalar_tensor(loss, at::kDouble);
  }
  static variable_list backward(AutogradContext* context, variable_list d_loss) {
    assert(d_loss[0].item<double>() == 1);  // a photo is a whole step, and the harmonics' gradient is not here to scale
    variable_list all = context->saved_data["gradients"].toTensorVector();
    context->saved_data.erase("gradients");  // so that they become the parameters' own, not their copies
    all.resize(all.size() + 2);              // none for the loss and the list
    return all;
  }
};

void check(const GaussianOptions& options) {
  const auto refuse = [](const char* option, const std::string& found, const char* expected) {
    throw Error({.doing = "train Gaussians", .where = option, .found = found, .expected = expected});
  };
  if (options.sh_degree < 0 || options.sh_degree > 3)
    refuse("sh_degree", fmt::format("{}", options.sh_degree), "0 to 3");
  if (options.lambda_dssim < 0 || options.lambda_dssim > 1)
    refuse("lambda_dssim", fmt::format("{}", options.lambda_dssim), "0 to 1");
  if (!(options.depth_lambda >= 0 && std::isfinite(options.depth_lambda)))
    refuse("depth_lambda", fmt::format("{}", options.depth_lambda), "0 or more");
  if (!(options.pose_lr >= 0 && options.pose_lr <= 1)) refuse("pose_lr", fmt::format("{}", options.pose_lr), "0 to 1");
  for (const auto& [name, rate] :
       {std::pair{"exposure_lr_init", options.exposure_lr_init}, {"exposure_lr_final", options.exposure_lr_final}})
    if (!(rate > 0 && rate <= 1)) refuse(name, fmt::format("{}", rate), "more than 0, at most 1");
  if (options.exposure && options.bilateral_grid)
    refuse("bilateral_grid", "exposure beside it", "one of the two: a grid can be what an exposure is");
  if (options.densification_interval < 1)
    refuse("densification_interval", fmt::format("{}", options.densification_interval), "1 or more");
  if (options.densification == Densification::kMcmc && options.density.max_gaussians <= 0)
    refuse("max_gaussians", "none", "a number of Gaussians, which densification mcmc grows to");
}

/// That some photo has them.
void check_depths(const Photos& photos) {
  for (size_t photo = 0; photo < photos.size(); ++photo)
    if (!photos.depths(photo).empty()) return;
  throw Error({.doing = "train Gaussians",
               .where = "depth_lambda",
               .found = "photos of which no file says which points they saw",
               .expected = "a COLMAP model (sparse/0) with its observations",
               .advice = "0 trains without depths"});
}

/// gsplat's 1,000 steps, less in a short run.
int64_t warmup_of_grids(int64_t max_steps) { return std::min<int64_t>(1000, max_steps / 10); }

/// A factor of a rate: from a hundredth to 1 in so many steps (gsplat's, of grids).
double warm_up(int64_t steps, int64_t step) {
  return step >= steps ? 1 : 0.01 + 0.99 * static_cast<double>(step) / static_cast<double>(steps);
}

template <class Float>
splat::Parameters<Float> parameters_of(const All& tensors) {
  const auto span = [](const at::Tensor& tensor) {
    return tensor.defined() ? std::span<Float>(train::span_of<float>(tensor)) : std::span<Float>();
  };
  return {span(tensors[0]), span(tensors[1]), span(tensors[2]), span(tensors[3]), span(tensors[4])};
}

All values_of(const GaussianTable& table) {
  All all;
  for (size_t i = 0; i < all.size(); ++i) all[i] = table[kNames[i]].value.detach();
  return all;
}

}  // namespace

GaussianTask::GaussianTask(GaussianTable& table, Photos& photos, Photos* held_out, double extent,
                           const GaussianOptions& options, ThreadPool& pool)
    : table_(table),
      photos_(photos),
      held_out_(held_out),
      extent_(extent),
      options_(options),
      pool_(pool),
      renderer_(pool),
      norms_(at::zeros({table.size()})),
      counts_(at::zeros({table.size()})) {
  check(options);
  if (options.depth_lambda > 0) check_depths(photos);
  const auto add = [&](const char* name, const at::Tensor& first) {
    of_photos_[name] = {first.set_requires_grad(true), at::zeros_like(first), at::zeros_like(first)};
  };
  const auto count = static_cast<int64_t>(photos.size());
  if (options.pose_lr > 0) add("poses", at::zeros({count, 6}));
  if (options.exposure) add("exposures", at::eye(3, 4).repeat({count, 1, 1}));
  if (options.bilateral_grid) add("grids", at::eye(3, 4).repeat({count, kGridRows, kGridColumns, kGridLevels, 1, 1}));
  for (const char* name : kNames) parameters_[name] = table_[name].value;
  for (const auto& [name, column] : of_photos_) parameters_[name] = column.value;
}

std::unique_ptr<train::UpdateRule> GaussianTask::rule_of(const std::string& name) {
  if (const auto column = of_photos_.find(name); column != of_photos_.end()) {
    const bool poses = name == "poses";
    const double init = poses ? options_.pose_lr : options_.exposure_lr_init,
                 final = poses ? options_.pose_lr / 100 : options_.exposure_lr_final;
    const int64_t steps = options_.max_steps, warmup = name == "grids" ? warmup_of_grids(steps) : 0;
    return std::make_unique<PhotoAdam>(
        column->second, [=](int64_t step) { return warm_up(warmup, step) * falling_rate(init, final, steps, step); },
        current_);
  }
  GaussianAdam::Rates rates;
  const auto constant = [](double rate) { return [rate](int64_t) { return rate; }; };
  if (name == "means") {
    rates.of_step = [this](int64_t step) { return rate_of_means(step); };
  } else if (name == "sh") {
    rates.of_step = constant(options_.feature_lr);
    rates.of_columns.assign(static_cast<size_t>(3 * table_["sh"].value.size(1)), 1.f / 20);
    std::fill_n(rates.of_columns.begin(), 3, 1.f);
  } else {
    rates.of_step = constant(name == "log_scales" ? options_.scaling_lr
                             : name == "quats"    ? options_.rotation_lr
                                                  : options_.opacity_lr);
  }
  GaussianAdam::MakeRows make_rows;
  if (name == "sh")
    make_rows = [this](int64_t first, std::span<float> rows) {
      renderer_.sh_gradient(parameters_of<const float>(values_of(table_)), first, rows);
    };
  return std::make_unique<GaussianAdam>(table_[name], std::move(rates), takes_part_, pool_, std::move(make_rows));
}

train::NamedTensors GaussianTask::memory() const {
  if (options_.densification == Densification::kMcmc) return {};
  return {{"gradient_norms", norms_}, {"gradient_counts", counts_}};
}

void GaussianTask::take_sizes(const std::map<std::string, std::vector<int64_t>>& sizes) {
  const auto means = sizes.find("means");
  if (means == sizes.end() || means->second.empty()) return;  // what reads them says so
  table_.resize(means->second[0]);
  forget_gradients();
}

// ---- a step

/// What changes the number of Gaussians, or resets them, comes before the next step and not behind the last one: what
/// is evaluated, saved and left behind in between is what was learned.
std::vector<double> GaussianTask::begin_step(int64_t step) {
  if (step > 0) change_number(step - 1);
  return {1};
}

at::Tensor GaussianTask::loss_sum(int64_t step, size_t, train::Metrics& sums) {
  current_ = photo_of(step);
  const View view = this->view(current_);
  const std::array<float, 3> behind = background(step);
  photos_.load(current_, behind, photo_);
  const All values = values_of(table_);
  splat::RenderOptions how = render_options(step, behind);
  how.depth = options_.depth_lambda > 0;
  renderer_.draw(parameters_of<const float>(values), view, how);

  std::vector<double> d_colours;
  const kernels::PhotometricLoss loss = compare(view, d_colours);
  const double of_depths = how.depth ? compare_depths() : 0;
  All gradients;
  for (size_t i = 0; i < d_values_.size(); ++i) {
    fit(d_values_[i], static_cast<size_t>(values[i].numel()));
    gradients[i] = at::from_blob(d_values_[i].data(), values[i].sizes());
  }
  fit(d_centres_, 2 * static_cast<size_t>(table_.size()));
  const std::span<float> centres = d_centres_;
  const std::array<float, 16> d_pose = renderer_.backward(
      parameters_of<const float>(values), {d_image_, d_alpha_, d_depth_}, parameters_of<float>(gradients),
      options_.absgrad ? splat::CentreGradient{{}, centres} : splat::CentreGradient{centres, {}});
  const std::span<const int32_t> radii = renderer_.radii();
  takes_part_.clear();
  if (options_.sparse_adam && options_.densification == Densification::kAdaptive) {
    takes_part_.resize(radii.size() / 2);
    for (size_t i = 0; i < takes_part_.size(); ++i) takes_part_[i] = radii[2 * i] > 0 && radii[2 * i + 1] > 0;
  }
  if (options_.densification == Densification::kAdaptive && step < options_.densify_until_iter)
    kernels::add_viewspace_norms(view.width, view.height, centres, radii, train::span_of<float>(norms_),
                                 train::span_of<float>(counts_));
  double sum = loss.loss;
  if (how.depth) {
    sum += of_depths;
    sums["depth_loss"] += of_depths / options_.depth_lambda;
  }
  if (options_.densification == Densification::kMcmc) sum += regularise(gradients);
  sums["psnr"] += loss.psnr();
  sums["gaussians"] += static_cast<double>(table_.size());
  last_step_ = {loss.loss, loss.psnr(), table_.size()};
  variable_list variables;
  Gradients known;
  for (size_t i = 0; i < d_values_.size(); ++i) {
    variables.push_back(table_[kNames[i]].value);
    known.of_variables.push_back(gradients[i]);
  }
  const auto correct = [&](const char* what, std::span<const double> of_row) {
    variables.push_back(of_photos_.at(what).value);
    known.of_variables.push_back(gradient_of_row(what, of_row));
  };
  if (corrects("exposures")) correct("exposures", d_colours);
  if (corrects("grids")) {
    sum += grid_variation(grid(current_), kGridVariation, d_colours);
    correct("grids", d_colours);
  }
  if (corrects("poses")) correct("poses", pose_gradient(d_pose, sum));
  return KnownGradients::apply(at::TensorList(variables), sum, known);
}

/// What was drawn, in the photo's colours, with the photo. Leaves the gradient of what was drawn, and that of what
/// corrects the colours.
kernels::PhotometricLoss GaussianTask::compare(const View& view, std::vector<double>& d_colours) {
  const std::span<const float> drawn = renderer_.image();
  const bool exposures = corrects("exposures"), grids = corrects("grids");
  if (exposures || grids) exposed_.resize(drawn.size());
  if (exposures) expose(exposure(current_), drawn, exposed_, pool_);
  if (grids) slice_grid(grid(current_), view.width, view.height, drawn, exposed_, pool_);
  d_image_.resize(drawn.size());
  const kernels::PhotometricLoss loss = kernels::photometric_loss(
      {view.width, view.height, exposures || grids ? exposed_ : drawn, photo_.rgb, photo_.mask},
      {.ssim_share = static_cast<float>(options_.lambda_dssim)}, d_image_, pool_);
  if (exposures) {
    const std::array<double, 12> of_exposure = expose_backward(exposure(current_), drawn, d_image_, pool_);
    d_colours.assign(of_exposure.begin(), of_exposure.end());
  }
  if (grids) d_colours = slice_grid_backward(grid(current_), view.width, view.height, drawn, d_image_, pool_);
  return loss;
}

/// Leaves the gradients of alpha and depth.
double GaussianTask::compare_depths() {
  d_alpha_.resize(renderer_.alpha().size()), d_depth_.resize(renderer_.depth().size());
  return depth_loss(photos_.depths(current_), options_.depth_lambda * extent_, photo_.mask, renderer_.alpha(),
                    renderer_.depth(), d_alpha_, d_depth_);
}

/// Adds what the corrections' decay costs.
std::array<double, 6> GaussianTask::pose_gradient(const std::array<float, 16>& d_camera_from_world,
                                                  double& loss) const {
  const PoseCorrection correction = pose(current_);
  std::array<double, 6> gradient =
      correction_gradient(photos_.view(current_), correction, extent_, d_camera_from_world);
  for (size_t i = 0; i < correction.size(); ++i) {
    gradient[i] += kPoseDecay * correction[i];
    loss += kPoseDecay / 2 * correction[i] * correction[i];
  }
  return gradient;
}

View GaussianTask::view(size_t photo) const {
  const View& given = photos_.view(photo);
  return corrects("poses") ? corrected(given, pose(photo), extent_) : given;
}

std::span<float> GaussianTask::row_of(const std::string& what, size_t photo) const {
  const at::Tensor& all = of_photos_.at(what).value;
  const int64_t columns = all.numel() / all.size(0);
  return train::span_of<float>(all, static_cast<int64_t>(photo) * columns, columns);
}

/// Of the step's photo; the others' are 0.
at::Tensor GaussianTask::gradient_of_row(const std::string& what, std::span<const double> of_row) const {
  const at::Tensor gradient = at::zeros_like(of_photos_.at(what).value.detach());
  std::ranges::transform(of_row, gradient.data_ptr<float>() + current_ * of_row.size(),
                         [](double value) { return static_cast<float>(value); });
  return gradient;
}

/// Opacities and scales pull to 0 (Kheradmand et al. 2024, eq. 12). Returns what that adds to the loss.
double GaussianTask::regularise(std::array<at::Tensor, 5>& gradients) const {
  const at::NoGradGuard without_gradients;
  const at::Tensor opacities = table_["opacity_logits"].value.sigmoid(), scales = table_["log_scales"].value.exp();
  const double of_opacity = options_.mcmc.opacity_reg / static_cast<double>(std::max<int64_t>(1, opacities.numel()));
  const double of_scale = options_.mcmc.scale_reg / static_cast<double>(std::max<int64_t>(1, scales.numel()));
  gradients[3].add_(opacities * (1 - opacities), of_opacity);
  gradients[1].add_(scales, of_scale);
  return of_opacity * opacities.sum().item<double>() + of_scale * scales.sum().item<double>();
}

size_t GaussianTask::photo_of(int64_t step) {
  const auto count = static_cast<int64_t>(photos_.size());
  if (const int64_t epoch = step / count; epoch != epoch_) {
    order_ = RandomStream(options_.seed, fmt::format("order of epoch {}", epoch)).permutation(photos_.size());
    epoch_ = epoch;
    photos_.will_need(std::span(order_).subspan(static_cast<size_t>(step % count)));
  }
  return order_[static_cast<size_t>(step % count)];
}

std::array<float, 3> GaussianTask::background(int64_t step) const {
  switch (options_.background) {
    case Background::kBlack:
      break;
    case Background::kWhite:
      return {1, 1, 1};
    case Background::kRandom: {
      RandomStream random(options_.seed, fmt::format("background of step {}", step));
      std::array<float, 3> colour;
      for (float& value : colour) value = static_cast<float>(random.uniform());
      return colour;
    }
  }
  return {};
}

int GaussianTask::sh_degree(int64_t step) const {
  if (options_.sh_degree_interval <= 0) return options_.sh_degree;
  return static_cast<int>(std::min<int64_t>(options_.sh_degree, step / options_.sh_degree_interval));
}

splat::RenderOptions GaussianTask::render_options(int64_t step, const std::array<float, 3>& background) const {
  return {.rules = options_.inria_rules ? kernels::GaussianRules::kInria : kernels::GaussianRules::kExact,
          .antialiased = options_.antialiased,
          .sh_degree = sh_degree(step),
          .background = background};
}

double GaussianTask::rate_of_means(int64_t step) const {
  return extent_ *
         falling_rate(options_.position_lr_init, options_.position_lr_final, options_.position_lr_max_steps, step);
}

void GaussianTask::after_step(int64_t step) {
  last_step_.opacities_fell = resets_behind(step);
  if (on_step_) on_step_(step + 1);
}

// ---- between steps

bool GaussianTask::resets_behind(int64_t step) const {
  const int64_t done = step + 1;
  return options_.densification == Densification::kAdaptive && options_.opacity_reset_interval > 0 &&
         done < options_.densify_until_iter &&
         (done % options_.opacity_reset_interval == 0 ||
          (options_.background == Background::kWhite && done == options_.densify_from_iter));
}

void GaussianTask::change_number(int64_t step) {
  const int64_t done = step + 1;
  const bool due = done > options_.densify_from_iter && done < options_.densify_until_iter &&
                   done % options_.densification_interval == 0;
  if (options_.densification == Densification::kMcmc) {
    if (due)
      relocate_and_add(table_, options_.density, options_.mcmc,
                       RandomStream(options_.seed, fmt::format("places of step {}", step)));
    add_noise(table_, options_.mcmc, rate_of_means(done),
              RandomStream(options_.seed, fmt::format("noise of step {}", step)));
    return;
  }
  if (due) control_density(step);
  if (resets_behind(step)) reset_opacities(table_, options_.density);
}

void GaussianTask::control_density(int64_t step) {
  const at::Tensor mean = (norms_ / counts_).nan_to_num_(0, 0, 0);  // 0 where it was not seen
  const auto noise = [&](int64_t rows) {
    RandomStream random(options_.seed, fmt::format("children of step {}", step));
    const at::Tensor numbers = at::empty({2, rows, 3});
    for (float& value : train::span_of<float>(numbers)) value = static_cast<float>(random.normal());
    return numbers;
  };
  densify(table_, mean, options_.density, extent_, step + 1 > options_.opacity_reset_interval, noise);
  forget_gradients();
}

void GaussianTask::forget_gradients() {
  norms_.set_data(at::zeros({table_.size()}));
  counts_.set_data(at::zeros({table_.size()}));
}

// ---- held-out photos

const splat::Renderer& GaussianTask::draw(const View& view, const std::array<float, 3>& background) {
  splat::RenderOptions options = render_options(0, background);
  options.sh_degree = options_.sh_degree;
  renderer_.draw(parameters_of<const float>(values_of(table_)), view, options);
  return renderer_;
}

std::array<float, 3> GaussianTask::background_of_evaluation() const {
  return options_.background == Background::kWhite ? std::array<float, 3>{1, 1, 1} : std::array<float, 3>{};
}

std::string GaussianTask::note(const train::Metrics& metrics) const {
  return fmt::format("PSNR {:.1f} dB  {} Gaussians", metrics.at("psnr"), table_.size());
}

void GaussianTask::compare_by(const nn::Lpips* lpips) {
  for (size_t i = 0; lpips && held_out_ && i < held_out_->size(); ++i)
    if (const View& view = held_out_->view(i); std::min(view.width, view.height) < lpips->least_size())
      throw Error({.doing = "compare held-out photos by LPIPS",
                   .where = fmt::format("photo {} of them", i + 1),
                   .found = fmt::format("{}×{} pixels", view.width, view.height),
                   .expected = fmt::format("{0}×{0} or more, for {1}", lpips->least_size(), lpips->network()),
                   .advice = "a smaller --downscale leaves more of it"});
  lpips_ = lpips;
}

/// Where a mask leaves a part of a photo out, both show the photo.
double GaussianTask::lpips_of(const View& view, const Photo& photo) {
  const std::span<const float> drawn = this->drawn();
  exposed_.assign(drawn.begin(), drawn.end());
  for (size_t i = 0; i < 3 * photo.mask.size(); ++i)
    exposed_[i] = photo.rgb[i] + photo.mask[i / 3] * (drawn[i] - photo.rgb[i]);
  return (*lpips_)(view.width, view.height, exposed_, photo.rgb);
}

Likeness GaussianTask::compare_held_out(size_t index, Photo& photo) {
  const std::array<float, 3> behind = background_of_evaluation();
  const View& view = held_out_->view(index);
  held_out_->load(index, behind, photo);
  const kernels::PhotometricLoss loss =
      kernels::photometric_loss({view.width, view.height, draw(view, behind).image(), photo.rgb, photo.mask},
                                {.ssim_share = static_cast<float>(options_.lambda_dssim)}, {}, pool_);
  Likeness likeness{.loss = loss.loss, .psnr = loss.psnr(), .ssim = loss.ssim};
  if (lpips_) likeness.lpips = lpips_of(view, photo);
  return likeness;
}

void GaussianTask::evaluate(train::Metrics& metrics) {
  if (held_out_ == nullptr || held_out_->size() == 0) return;
  Likeness mean;
  Photo photo;
  for (size_t i = 0; i < held_out_->size(); ++i)
    mean.add(compare_held_out(i, photo), 1 / static_cast<double>(held_out_->size()));
  metrics["loss"] += mean.loss;
  metrics["psnr"] += mean.psnr;
  metrics["ssim"] += mean.ssim;
  if (mean.lpips) metrics["lpips"] += *mean.lpips;
}

}  // namespace orrery::scene
