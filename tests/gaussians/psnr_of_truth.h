// What a scene is worth that was learned from photos which disagree in their colours.
#pragma once

#include "tests/gaussians/turntable.h"

namespace orrery::scene {

/// PSNR of views between eight photos against the truth, but for a gain and an offset of each channel in all views
/// alike: which of the photos is right, no photo says. `differ` makes the photos what they are.
template <class Differ>
double psnr_of_truth(const Differ& differ, GaussianOptions options, int detail = 1) {
  ThreadPool pool(2);
  Turntable photos(8, 0, pool, detail), truth(3, 0.2, pool, detail);
  differ(photos);
  GaussianTable table = Turntable::beginning(detail);
  const text::TempFolder folder;
  options.sh_degree = 1, options.max_steps = 400, options.densify_until_iter = 0;
  GaussianTask task(table, photos, nullptr, 4, options, pool);
  train::run(task, {.max_steps = options.max_steps,
                    .learning_rate = 1,
                    .schedule = {.lr_scheduler_type = train::ScheduleKind::kConstant},
                    .max_grad_norm = 0,
                    .output_dir = folder.path(),
                    .quiet = true});
  std::array<std::vector<double>, 3> drawn, expected;
  Photo photo;
  for (size_t i = 0; i < truth.size(); ++i) {
    truth.load(i, {}, photo);
    const auto image = task.draw(truth.view(i), {}).image();
    for (size_t value = 0; value < image.size(); ++value) {
      drawn[value % 3].push_back(image[value]);
      expected[value % 3].push_back(photo.rgb[value]);
    }
  }
  double squares = 0;
  for (size_t k = 0; k < 3; ++k) {
    const at::Tensor x = at::tensor(drawn[k]), y = at::tensor(expected[k]), off = x - x.mean();
    const at::Tensor gain = (off * y).mean() / off.square().mean();
    squares += (y - y.mean() - gain * off).square().mean().item<double>() / 3;
  }
  return -10 * std::log10(squares);
}

}  // namespace orrery::scene
