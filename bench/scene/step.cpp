// scene_step GAUSSIANS WIDTH HEIGHT THREADS: the time of a picture, of a picture and its gradients, and of a whole step
// of training (picture, loss, gradients, Adam), each the best of several, on random Gaussians with harmonics of
// degree 3. With ORRERY_ISA=reference: the kernels' plain loops. One line of JSON.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <numeric>

#include "bench/scene/made_scene.h"
#include "orrery/kernels/arithmetic/arithmetic.h"
#include "orrery/kernels/bandwidth/bandwidth.h"
#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/isa.h"
#include "orrery/kernels/photometric_loss/photometric_loss.h"
#include "orrery/kernels/sparse_adam/sparse_adam.h"
#include "orrery/splat/activation.h"
#include "orrery/splat/renderer.h"

namespace {

using namespace orrery;

splat::Parameters<float> parameters_of(splat::Scene& scene) {
  return {scene.means, scene.log_scales, scene.quats, scene.opacity_logits, scene.sh};
}

splat::Parameters<const float> read_only(const splat::Parameters<float>& all) {
  return {all.means, all.log_scales, all.quats, all.opacity_logits, all.sh};
}

/// A step of training as scene/gaussians takes it, without libtorch around it.
class Step {
 public:
  Step(int64_t count, const View& view, ThreadPool& pool)
      : view_(view),
        pool_(pool),
        renderer_(pool),
        scene_(bench::made_scene(count)),
        gradient_(scene_),
        m_(scene_),
        v_(scene_) {
    for (splat::Scene* moments : {&m_, &v_}) *moments = splat::Scene::zeros(count, splat::kMaxShDegree);
    target_.assign(3 * static_cast<size_t>(view.width) * static_cast<size_t>(view.height), 0.5f);
    d_image_.resize(target_.size());
    takes_part_.resize(static_cast<size_t>(count));
  }

  void draw() { renderer_.draw(read_only(parameters_of(scene_)), view_, {}); }
  void draw_and_descend() {
    draw();
    kernels::photometric_loss({view_.width, view_.height, renderer_.image(), target_}, {}, d_image_, pool_);
    renderer_.backward(read_only(parameters_of(scene_)), {.image = d_image_}, parameters_of(gradient_));
  }
  void learn() {
    draw_and_descend();
    const auto radii = renderer_.radii();
    for (size_t i = 0; i < takes_part_.size(); ++i) takes_part_[i] = radii[2 * i] > 0 && radii[2 * i + 1] > 0;
    const auto update = [&](std::vector<float> splat::Scene::*values, int64_t columns) {
      kernels::sparse_adam({.learning_rate = 1e-9, .eps = 1e-15, .step = 10},
                           {scene_.*values, gradient_.*values, m_.*values, v_.*values, columns}, takes_part_, pool_);
    };
    update(&splat::Scene::means, 3), update(&splat::Scene::log_scales, 3), update(&splat::Scene::quats, 4);
    update(&splat::Scene::opacity_logits, 1), update(&splat::Scene::sh, 3 * scene_.coefficients());
  }

  /// Pairs of a pixel and a Gaussian that has a weight there.
  double weights() {
    const auto count = static_cast<size_t>(scene_.count());
    std::vector<float> scales = scene_.log_scales, opacities = scene_.opacity_logits, image(target_.size());
    for (float& scale : scales) scale = std::exp(scale);
    for (float& opacity : opacities) opacity = static_cast<float>(splat::opacity_from_logit(opacity));
    std::vector<float> means2d(2 * count), depths(count), conics(3 * count), compensations(count), colours(3 * count),
        alpha(image.size() / 3);
    std::vector<int32_t> radii(2 * count), pixels(count);
    kernels::gaussian_project({scene_.means, scene_.quats, scales, opacities}, view_, {},
                              {means2d, depths, conics, compensations, radii}, pool_);
    kernels::RasterMemory memory;
    kernels::gaussian_raster({.width = view_.width,
                              .height = view_.height,
                              .means2d = means2d,
                              .depths = depths,
                              .conics = conics,
                              .radii = radii,
                              .opacities = opacities,
                              .colours = colours},
                             {.image = image, .alpha = alpha, .pixels_of_gaussian = pixels}, memory, pool_);
    return std::accumulate(pixels.begin(), pixels.end(), 0.0);
  }
  int64_t bytes() const { return renderer_.bytes(); }

 private:
  const View view_;
  ThreadPool& pool_;
  splat::Renderer renderer_;
  splat::Scene scene_, gradient_, m_, v_;
  std::vector<float> target_, d_image_;
  std::vector<uint8_t> takes_part_;
};

// Operations of a pair with a weight (kernels/gaussian_raster/gaussian_raster.h), and 4 for its share of two
// exponentials: a picture, and the way back. Pairs without a weight, loss and projection come on top.
constexpr double kForward = 14 + 4, kBackward = 29 + 4;
// Bytes of a Gaussian that a step moves at least: values twice and gradients (236 each), Adam's 28 per value.
constexpr double kBytes = 3 * 236 + 28 * 59;

int64_t number(const char* text) { return std::strtoll(text, nullptr, 10); }

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fmt::print(stderr, "scene_step GAUSSIANS WIDTH HEIGHT THREADS\n");
    return 2;
  }
  const int64_t count = number(argv[1]);
  const View view = bench::view_of_made_scene(static_cast<int>(number(argv[2])), static_cast<int>(number(argv[3])));
  ThreadPool pool(static_cast<int>(number(argv[4])));
  const bool plain = kernels::isa() == kernels::Isa::kReference;
  Step step(count, view, pool);
  if (!plain) step.learn();  // memory is touched for the first time
  const int repeats = plain ? 1 : count < 1000000 ? 9 : 4;
  const double forward = kernels::best_seconds(repeats, [&] { step.draw(); });
  const double both = kernels::best_seconds(repeats, [&] { step.draw_and_descend(); });
  const double whole = plain ? both : kernels::best_seconds(repeats, [&] { step.learn(); });
  const double weights = plain ? 0 : step.weights();
  fmt::print(
      "{{\"isa\": \"{}\", \"forward_ms\": {:.3f}, \"both_ms\": {:.3f}, \"step_ms\": {:.3f}, \"weights_per_pixel\": "
      "{:.2f}, ",
      kernels::name(kernels::isa()), 1e3 * forward, 1e3 * both, 1e3 * whole, weights / (view.width * view.height));
  if (plain) {
    fmt::print("\"renderer_mb\": 0}}\n");
    return 0;
  }
  fmt::print(
      "\"renderer_mb\": {:.1f}, \"share_of_arithmetic\": {:.4f}, \"share_of_arithmetic_both\": {:.4f}, "
      "\"share_of_bandwidth\": {:.4f}}}\n",
      static_cast<double>(step.bytes()) / 1e6, weights * kForward / forward / kernels::arithmetic_rate(pool),
      weights * (kForward + kBackward) / both / kernels::arithmetic_rate(pool),
      static_cast<double>(count) * kBytes / whole / kernels::read_bandwidth(pool));
}
