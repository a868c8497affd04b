// scene_frames SCENE WIDTH HEIGHT THREADS: pictures a second of a walk around a scene's file, each drawn once, without
// writing them anywhere. One line of JSON.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "orrery/splat/cameras.h"
#include "orrery/splat/file.h"
#include "orrery/splat/renderer.h"

int main(int argc, char** argv) {
  using namespace orrery;
  if (argc != 5) {
    fmt::print(stderr, "scene_frames SCENE WIDTH HEIGHT THREADS\n");
    return 2;
  }
  const auto number = [](const char* text) { return static_cast<int>(std::strtol(text, nullptr, 10)); };
  const splat::Scene scene = splat::load(argv[1]);
  const splat::Parameters<const float> parameters{scene.means, scene.log_scales, scene.quats, scene.opacity_logits,
                                                  scene.sh};
  ThreadPool pool(number(argv[4]));
  splat::Renderer renderer(pool);
  std::vector<double> seconds;
  for (const View& view : splat::orbit(scene, {0, -1, 0}, 60, number(argv[2]), number(argv[3]), 50)) {
    const auto start = std::chrono::steady_clock::now();
    renderer.draw(parameters, view, {.antialiased = scene.antialiased, .sh_degree = scene.sh_degree});
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  double all = 0;
  for (const double one : seconds) all += one;
  std::ranges::sort(seconds);
  fmt::print("{{\"gaussians\": {}, \"frames_per_second\": {:.2f}, \"median_ms\": {:.2f}, \"slowest_ms\": {:.2f}}}\n",
             scene.count(), static_cast<double>(seconds.size()) / all, 1e3 * seconds[seconds.size() / 2],
             1e3 * seconds.back());
}
