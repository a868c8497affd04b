#include "orrery/splat/renderer.h"

#include <algorithm>
#include <cmath>

#include "orrery/base/error.h"
#include "orrery/base/fit.h"
#include "orrery/kernels/gaussian_sh/gaussian_sh.h"
#include "orrery/splat/normals.h"

namespace orrery::splat {

namespace {

constexpr int64_t kPiece = 4096;  // Gaussians, or pixels, of a thread's turn

template <class Body>
void in_pieces(ThreadPool& pool, int64_t count, const Body& body) {
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
  fit(means2d_, 2 * count), fit(depths_, count), fit(conics_, 3 * count), fit(compensations_, count);
  fit(radii_, 2 * count), fit(colours_, 3 * count);
  fit(image_, 3 * pixels), fit(alpha_, pixels), fit(depth_, options.depth ? pixels : 0);
  fit(normals_, options.normals ? 3 * pixels : 0), fit(joint_image_, 2 * normals_.size());
  fit(joint_colours_, options.normals ? 6 * count : 0);
  kernels::gaussian_project(activated(gaussians), view, options.rules,
                            {means2d_, depths_, conics_, compensations_, radii_}, pool_);
  kernels::gaussian_sh({options_.sh_degree, view.centre(), gaussians.means, gaussians.sh}, colours_, pool_);
  if (options.normals) join_normals(gaussians);
  kernels::gaussian_raster(raster_input(), raster_output(), memory_, pool_);
  if (options.normals) part_normals();
}

std::array<float, 16> Renderer::backward(const Parameters<const float>& gaussians, const DrawnGradient& d_drawn,
                                         const Parameters<float>& gradient, const CentreGradient& centres) {
  if (!options_.normals && !d_drawn.normals.empty())
    throw Error({.doing = "take a picture's gradient back to Gaussians",
                 .where = "normals",
                 .found = "a gradient of what was not drawn",
                 .expected = "RenderOptions::normals when it is drawn"});
  const auto count = static_cast<size_t>(gaussians.size());
  fit(d_means2d_, 2 * count), fit(d_conics_, 3 * count), fit(d_colours_, 3 * count);
  fit(d_joint_colours_, joint_colours_.size());
  if (options_.normals) join_gradients(d_drawn);
  fit(d_depths_, d_drawn.depth.empty() ? 0 : count);
  fit(d_compensations_, options_.antialiased ? count : 0);
  kernels::gaussian_raster_backward(raster_input(), raster_output(),
                                    {options_.normals ? d_joint_image_ : d_drawn.image, d_drawn.alpha, d_drawn.depth},
                                    {.means2d = d_means2d_,
                                     .conics = d_conics_,
                                     .depths = d_depths_,
                                     .colours = options_.normals ? d_joint_colours_ : d_colours_,
                                     .opacities = gradient.opacity_logits,
                                     .compensations = d_compensations_,
                                     .means2d_absolute = centres.means2d_absolute},
                                    memory_, pool_);
  std::ranges::copy(std::span(d_means2d_).first(centres.means2d.size()), centres.means2d.begin());
  std::array<float, 16> d_pose = kernels::gaussian_project_backward(
      activated(gaussians), view_, options_.rules, radii_, {d_means2d_, d_conics_, d_depths_, d_compensations_},
      {gradient.means, gradient.quats, gradient.log_scales}, pool_);
  if (options_.normals) part_gradients(gaussians, gradient.quats, d_pose);
  const std::array<float, 3> d_centre =
      kernels::gaussian_sh_backward({options_.sh_degree, view_.centre(), gaussians.means, gaussians.sh}, d_colours_,
                                    {gradient.sh, gradient.means}, pool_);
  for (size_t k = 0; k < 12; k += 4)  // View::centre()
    for (size_t i = 0; i < 3; ++i) {
      d_pose[k + i] -= d_centre[i] * view_.camera_from_world[k + 3];
      d_pose[k + 3] -= d_centre[i] * view_.camera_from_world[k + i];
    }
  in_pieces(pool_, gaussians.size(), [&](size_t i) {  // through the activations
    for (size_t k = 3 * i; k < 3 * i + 3; ++k) gradient.log_scales[k] *= scales_[k];
    gradient.opacity_logits[i] *= opacities_[i] * (1 - opacities_[i]);
  });
  return d_pose;
}

void Renderer::sh_gradient(const Parameters<const float>& gaussians, int64_t first, std::span<float> rows) {
  if (rows.empty()) return;
  const size_t width = gaussians.sh.size() / static_cast<size_t>(gaussians.size()), count = rows.size() / width,
               begin = static_cast<size_t>(first);
  kernels::gaussian_sh_backward({options_.sh_degree, view_.centre(), gaussians.means.subspan(3 * begin, 3 * count),
                                 gaussians.sh.subspan(begin * width, rows.size())},
                                std::span(d_colours_).subspan(3 * begin, 3 * count), {rows, {}}, pool_);
}

void Renderer::activate(const Parameters<const float>& gaussians) {
  fit(scales_, gaussians.log_scales.size()), fit(opacities_, gaussians.opacity_logits.size());
  in_pieces(pool_, gaussians.size(), [&](size_t i) {
    for (size_t k = 3 * i; k < 3 * i + 3; ++k) scales_[k] = std::exp(gaussians.log_scales[k]);
    opacities_[i] = 1 / (1 + std::exp(-gaussians.opacity_logits[i]));
  });
}

void Renderer::join_normals(const Parameters<const float>& gaussians) {
  std::ranges::copy(options_.background, joint_background_.begin());
  in_pieces(pool_, gaussians.size(), [&](size_t i) {
    const auto joint = joint_colours_.begin() + static_cast<int64_t>(6 * i);
    std::copy_n(colours_.begin() + static_cast<int64_t>(3 * i), 3, joint);
    std::ranges::copy(Facing(gaussians, view_, i).normal(), joint + 3);
  });
}

void Renderer::part_normals() {
  in_pieces(pool_, static_cast<int64_t>(alpha_.size()), [&](size_t pixel) {
    const float* joint = joint_image_.data() + 6 * pixel;
    std::copy_n(joint, 3, image_.data() + 3 * pixel);
    const float length = std::hypot(joint[3], joint[4], joint[5]);
    for (size_t k = 0; k < 3; ++k) normals_[3 * pixel + k] = length > 0 ? joint[3 + k] / length : 0;
  });
}

/// Of pictures with normals behind colours. A pixel's normal is s/|s| of what is summed there, so that s gets what is
/// across it, the shorter it is the more.
void Renderer::join_gradients(const DrawnGradient& d_drawn) {
  fit(d_joint_image_, joint_image_.size());
  in_pieces(pool_, static_cast<int64_t>(alpha_.size()), [&](size_t pixel) {
    float* joint = d_joint_image_.data() + 6 * pixel;
    std::fill_n(joint, 6, 0.f);
    if (!d_drawn.image.empty()) std::copy_n(d_drawn.image.data() + 3 * pixel, 3, joint);
    const float *sum = joint_image_.data() + 6 * pixel + 3, *normal = normals_.data() + 3 * pixel;
    const float length = std::hypot(sum[0], sum[1], sum[2]);
    if (d_drawn.normals.empty() || !(length > 0)) return;
    const float* d_normal = d_drawn.normals.data() + 3 * pixel;
    const float along = normal[0] * d_normal[0] + normal[1] * d_normal[1] + normal[2] * d_normal[2];
    for (size_t k = 0; k < 3; ++k) joint[3 + k] = (d_normal[k] - along * normal[k]) / length;
  });
}

/// Leaves colours' gradients alone; adds normals' to those of quaternions and of the pose.
void Renderer::part_gradients(const Parameters<const float>& gaussians, std::span<float> d_quats,
                              std::array<float, 16>& d_pose) {
  const int64_t count = gaussians.size(), pieces = (count + kPiece - 1) / kPiece;
  std::vector<std::array<double, 9>> of_pieces(static_cast<size_t>(pieces));
  pool_.run(pieces, [&](int64_t piece, int) {
    for (int64_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i) {
      const auto row = static_cast<size_t>(i);
      const float* joint = d_joint_colours_.data() + 6 * row;
      std::copy_n(joint, 3, d_colours_.data() + 3 * row);
      if (joint[3] != 0 || joint[4] != 0 || joint[5] != 0)
        Facing(gaussians, view_, row)
            .backward(gaussians, view_, joint + 3, d_quats, of_pieces[static_cast<size_t>(piece)]);
    }
  });
  std::array<double, 9> d_rotation{};
  for (const auto& of_piece : of_pieces)
    for (size_t k = 0; k < 9; ++k) d_rotation[k] += of_piece[k];
  for (size_t k = 0; k < 9; ++k) d_pose[4 * (k / 3) + k % 3] += static_cast<float>(d_rotation[k]);
}

kernels::Gaussians Renderer::activated(const Parameters<const float>& gaussians) const {
  return {gaussians.means, gaussians.quats, scales_, opacities_};
}

kernels::RasterInput Renderer::raster_input() const {
  const bool joint = options_.normals;
  return {.rules = options_.rules,
          .width = view_.width,
          .height = view_.height,
          .means2d = means2d_,
          .depths = depths_,
          .conics = conics_,
          .radii = radii_,
          .opacities = opacities_,
          .compensations = options_.antialiased ? std::span<const float>(compensations_) : std::span<const float>(),
          .channels = joint ? 6 : 3,
          .colours = joint ? joint_colours_ : colours_,
          .background = joint ? std::span<const float>(joint_background_) : options_.background};
}

kernels::RasterOutput Renderer::raster_output() {
  return {options_.normals ? joint_image_ : image_, alpha_, depth_, {}};
}

int64_t Renderer::bytes() const {
  int64_t values = 0;
  for (const auto* all :
       {&scales_,          &opacities_, &colours_,  &means2d_,  &depths_,          &conics_,      &compensations_,
        &image_,           &alpha_,     &depth_,    &normals_,  &joint_colours_,   &joint_image_, &d_joint_image_,
        &d_joint_colours_, &d_means2d_, &d_depths_, &d_conics_, &d_compensations_, &d_colours_})
    values += static_cast<int64_t>(all->capacity());
  return 4 * (values + static_cast<int64_t>(radii_.capacity())) + memory_.bytes();
}

}  // namespace orrery::splat
