// Checks the rasteriser against the reference on a small picture, then times whole frames of 800×600: binning and
// compositing, and both with the way back, on one thread and two; the reference where that takes seconds, not minutes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "orrery/kernels/best_seconds.h"
#include "orrery/kernels/gaussian_project/gaussian_project.h"
#include "orrery/kernels/gaussian_raster/gaussian_raster.h"
#include "orrery/kernels/isa.h"

using namespace orrery;
using namespace orrery::kernels;
using Floats = std::vector<float>;

namespace {

struct Scene {
  /// Gaussians in a box before the camera whose mean size falls with the cube root of their number, as it does where
  /// they come from points and their distances.
  Scene(size_t size, int width, int height)
      : means2d(2 * size),
        depths(size),
        conics(3 * size),
        compensations(size),
        radii(2 * size),
        image(static_cast<size_t>(width) * height * 3),
        alpha(image.size() / 3),
        d_image(image.size()),
        d_means2d(2 * size),
        d_conics(3 * size),
        d_colours(3 * size),
        d_opacities(size) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    std::uniform_real_distribution<float> uniform(-1, 1);
    Floats means, quats, scales;
    const float usual = 0.35f / std::cbrt(static_cast<float>(size));
    for (size_t i = 0; i < size; ++i) {
      for (const float value : {2.5f * uniform(random), 2 * uniform(random), 5 + 2 * uniform(random)})
        means.push_back(value);
      for (int k = 0; k < 4; ++k) quats.push_back(normal(random));
      for (int k = 0; k < 3; ++k) scales.push_back(usual * std::exp(0.5f * normal(random)));
      opacities.push_back(1 / (1 + std::exp(-1.5f * normal(random))));
      for (int k = 0; k < 3; ++k) colours.push_back(0.5f + 0.5f * uniform(random));
    }
    for (float& value : d_image) value = uniform(random) / 1e6f;
    View view{.width = width, .height = height};
    view.fx = view.fy = static_cast<float>(width);
    view.cx = 0.5f * static_cast<float>(width), view.cy = 0.5f * static_cast<float>(height);
    ThreadPool pool(1);
    gaussian_project({means, quats, scales}, view, GaussianRules::kExact,
                     {means2d, depths, conics, compensations, radii}, pool);
    input = {.width = width,
             .height = height,
             .means2d = means2d,
             .depths = depths,
             .conics = conics,
             .radii = radii,
             .opacities = opacities,
             .colours = colours};
  }
  void forward(ThreadPool& pool) { gaussian_raster(input, {image, alpha}, memory, pool); }
  void both(ThreadPool& pool) {
    forward(pool);
    gaussian_raster_backward(input, {image, alpha}, {.image = d_image}, gradient(), memory, pool);
  }
  void reference() {
    gaussian_raster_reference(input, {image, alpha});
    gaussian_raster_backward_reference(input, {image, alpha}, {.image = d_image}, gradient());
  }
  RasterGradient gradient() {
    return {.means2d = d_means2d, .conics = d_conics, .colours = d_colours, .opacities = d_opacities};
  }

  Floats means2d, depths, conics, compensations, opacities, colours;
  std::vector<int32_t> radii;
  Floats image, alpha, d_image, d_means2d, d_conics, d_colours, d_opacities;
  RasterInput input;
  RasterMemory memory;
};

void check() {
  Scene scene(1000, 96, 64);
  ThreadPool pool(2);
  scene.both(pool);
  const Floats image = scene.image, d_opacities = scene.d_opacities;
  scene.reference();
  float worst = 0, worst_gradient = 0, largest = 0;
  for (size_t i = 0; i < image.size(); ++i) worst = std::max(worst, std::fabs(image[i] - scene.image[i]));
  for (size_t i = 0; i < d_opacities.size(); ++i) {
    worst_gradient = std::max(worst_gradient, std::fabs(d_opacities[i] - scene.d_opacities[i]));
    largest = std::max(largest, std::fabs(scene.d_opacities[i]));
  }
  fmt::print("gaussian_raster, {}: largest difference {:.1e}, of gradients {:.1e} of the largest\n", name(isa()), worst,
             worst_gradient / largest);
}

}  // namespace

int main() {
  check();
  for (const size_t size : {5249, 100000, 1000000}) {
    Scene scene(size, 800, 600);
    std::vector<int32_t> pixels(size);
    ThreadPool alone(1), two(2);
    gaussian_raster(scene.input, {.image = scene.image, .alpha = scene.alpha, .pixels_of_gaussian = pixels},
                    scene.memory, alone);
    double weights = 0;
    for (const int32_t count : pixels) weights += count;
    const int repeats = size < 1000000 ? 7 : 3;
    double forward[2], both[2];
    for (ThreadPool* pool : {&alone, &two}) {
      forward[pool == &two] = best_seconds(repeats, [&] { scene.forward(*pool); });
      both[pool == &two] = best_seconds(repeats, [&] { scene.both(*pool); });
    }
    fmt::print(
        "{:7} Gaussians, {:5.1f} weights per pixel: forward {:6.1f} and {:6.1f} ms on 1 and 2 threads, with the "
        "way back {:6.1f} and {:6.1f}; {:.2f} ns per weight on 1, {:.0f} MB\n",
        size, weights / (800 * 600), 1e3 * forward[0], 1e3 * forward[1], 1e3 * both[0], 1e3 * both[1],
        1e9 * both[0] / weights, static_cast<double>(scene.memory.bytes()) / 1e6);
    if (size > 100000) continue;
    const double slow = best_seconds(1, [&] { scene.reference(); });
    fmt::print("{:7} by the reference, one thread: {:.1f} s, {:.0f} times as long as on 1\n", size, slow,
               slow / both[0]);
  }
}
