#include "orrery/splat/renderer.h"

#include <algorithm>
#include <cmath>

#include "orrery/kernels/gaussian_sh/gaussian_sh.h"

namespace orrery::splat {

namespace {

constexpr int64_t kPiece = 4096;  // Gaussians of a thread's turn

template <class Body>
void for_gaussians(ThreadPool& pool, int64_t count, const Body& body) {
  pool.run((count + kPiece - 1) / kPiece, [&](int64_t piece, int) {
    for (int64_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i) body(static_cast<size_t>(i));
  });
}

/// The highest that there are coefficients for.
int degree_of(const Parameters<const float>& gaussians) {
  const int64_t coefficients =
      gaussians.size() == 0 ? 1 : static_cast<int64_t>(gaussians.sh.size()) / (3 * gaussians.size());
  int degree = 0;
  while ((degree + 2) * (degree + 2) <= coefficients) ++degree;
  return degree;
}

}  // namespace

void Renderer::draw(const Parameters<const float>& gaussians, const View& view, const RenderOptions& options) {
  view_ = view;
  options_ = options;
  options_.sh_degree = std::min(options.sh_degree, degree_of(gaussians));
  const auto count = static_cast<size_t>(gaussians.size());
  const size_t pixels = static_cast<size_t>(view.width) * static_cast<size_t>(view.height);
  activate(gaussians);
  means2d_.resize(2 * count), depths_.resize(count), conics_.resize(3 * count), compensations_.resize(count);
  radii_.resize(2 * count), colours_.resize(3 * count);
  image_.resize(3 * pixels), alpha_.resize(pixels), depth_.resize(options.depth ? pixels : 0);
  kernels::gaussian_project(activated(gaussians), view, options.rules,
                            {means2d_, depths_, conics_, compensations_, radii_}, pool_);
  kernels::gaussian_sh({options_.sh_degree, view.centre(), gaussians.means, gaussians.sh}, colours_, pool_);
  kernels::gaussian_raster(raster_input(), raster_output(), memory_, pool_);
}

std::array<float, 16> Renderer::backward(const Parameters<const float>& gaussians, const DrawnGradient& d_drawn,
                                         const Parameters<float>& gradient, const CentreGradient& centres) {
  const auto count = static_cast<size_t>(gaussians.size());
  d_means2d_.resize(2 * count), d_conics_.resize(3 * count), d_colours_.resize(3 * count);
  d_depths_.resize(d_drawn.depth.empty() ? 0 : count);
  d_compensations_.resize(options_.antialiased ? count : 0);
  kernels::gaussian_raster_backward(raster_input(), raster_output(), {d_drawn.image, d_drawn.alpha, d_drawn.depth},
                                    {.means2d = d_means2d_,
                                     .conics = d_conics_,
                                     .depths = d_depths_,
                                     .colours = d_colours_,
                                     .opacities = gradient.opacity_logits,
                                     .compensations = d_compensations_,
                                     .means2d_absolute = centres.means2d_absolute},
                                    memory_, pool_);
  std::ranges::copy(std::span(d_means2d_).first(centres.means2d.size()), centres.means2d.begin());
  std::array<float, 16> d_pose = kernels::gaussian_project_backward(
      activated(gaussians), view_, options_.rules, radii_, {d_means2d_, d_conics_, d_depths_, d_compensations_},
      {gradient.means, gradient.quats, gradient.log_scales}, pool_);
  const std::array<float, 3> d_centre =
      kernels::gaussian_sh_backward({options_.sh_degree, view_.centre(), gaussians.means, gaussians.sh}, d_colours_,
                                    {gradient.sh, gradient.means}, pool_);
  for (size_t k = 0; k < 12; k += 4)  // View::centre()
    for (size_t i = 0; i < 3; ++i) {
      d_pose[k + i] -= d_centre[i] * view_.camera_from_world[k + 3];
      d_pose[k + 3] -= d_centre[i] * view_.camera_from_world[k + i];
    }
  for_gaussians(pool_, gaussians.size(), [&](size_t i) {  // through the activations
    for (size_t k = 3 * i; k < 3 * i + 3; ++k) gradient.log_scales[k] *= scales_[k];
    gradient.opacity_logits[i] *= opacities_[i] * (1 - opacities_[i]);
  });
  return d_pose;
}

void Renderer::activate(const Parameters<const float>& gaussians) {
  scales_.resize(gaussians.log_scales.size()), opacities_.resize(gaussians.opacity_logits.size());
  for_gaussians(pool_, gaussians.size(), [&](size_t i) {
    for (size_t k = 3 * i; k < 3 * i + 3; ++k) scales_[k] = std::exp(gaussians.log_scales[k]);
    opacities_[i] = 1 / (1 + std::exp(-gaussians.opacity_logits[i]));
  });
}

kernels::Gaussians Renderer::activated(const Parameters<const float>& gaussians) const {
  return {gaussians.means, gaussians.quats, scales_, opacities_};
}

kernels::RasterInput Renderer::raster_input() const {
  return {.rules = options_.rules,
          .width = view_.width,
          .height = view_.height,
          .means2d = means2d_,
          .depths = depths_,
          .conics = conics_,
          .radii = radii_,
          .opacities = opacities_,
          .compensations = options_.antialiased ? std::span<const float>(compensations_) : std::span<const float>(),
          .colours = colours_,
          .background = options_.background};
}

kernels::RasterOutput Renderer::raster_output() { return {image_, alpha_, depth_, {}}; }

int64_t Renderer::bytes() const {
  int64_t values = 0;
  for (const auto* all : {&scales_, &opacities_, &colours_, &means2d_, &depths_, &conics_, &compensations_, &image_,
                          &alpha_, &depth_, &d_means2d_, &d_depths_, &d_conics_, &d_compensations_, &d_colours_})
    values += static_cast<int64_t>(all->capacity());
  return 4 * (values + static_cast<int64_t>(radii_.capacity())) + memory_.bytes();
}

}  // namespace orrery::splat
