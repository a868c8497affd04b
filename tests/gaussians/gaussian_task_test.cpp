// Gaussians that learn from pictures of other Gaussians.
#include "orrery/scene/gaussians/task.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "orrery/base/error.h"
#include "tests/gaussians/golden_files.h"
#include "tests/gaussians/turntable.h"

namespace orrery::scene {
namespace {

struct Trained {
  std::map<std::string, at::Tensor> values;
  double psnr = 0;
};

struct How {
  int64_t steps = 300, stops_first_at = 0;
  int threads = 2;
  GaussianOptions options{};
};

/// 25 Gaussians that become what Turntable's 60 look like.
Trained trained(const How& how) {
  ThreadPool pool(how.threads);
  Turntable photos(8, 0, pool), held_out(3, 0.2, pool);
  photos.see_points();
  const text::TempFolder folder;
  GaussianOptions options = how.options;
  options.densify_from_iter = 20, options.densification_interval = 30, options.opacity_reset_interval = 170;
  options.density.densify_grad_threshold = 1e-4;
  options.sh_degree = 1, options.sh_degree_interval = 50;
  Trained result;
  for (const int64_t until : {how.stops_first_at, how.steps}) {
    if (until == 0) continue;
    GaussianTable table = random_table(25, 4);
    GaussianTask task(table, photos, &held_out, 4, options, pool);
    train::run(task, {.max_steps = until,
                      .learning_rate = 1,
                      .schedule = {.lr_scheduler_type = train::ScheduleKind::kConstant},
                      .max_grad_norm = 0,
                      .output_dir = folder.path(),
                      .resume = true,
                      .quiet = true});
    train::Metrics metrics;
    task.evaluate(metrics);
    result.psnr = metrics.at("psnr");
    for (const auto& [name, value] : task.parameters()) {
      result.values[name] = value.detach().clone();
      for (const auto& [state, tensor] : task.rule_of(name)->state())
        result.values[name + "." + state] = tensor.clone();
    }
  }
  return result;
}

void expect_equal(const Trained& a, const Trained& b) {
  for (const auto& [name, value] : a.values) EXPECT_TRUE(value.equal(b.values.at(name))) << name;
}

TEST(GaussianTask, LearnsWhatItSees) {
  const Trained first = trained({.steps = 1}), last = trained({});
  EXPECT_LT(first.psnr, 20);
  EXPECT_GT(last.psnr, first.psnr + 5);
  EXPECT_GT(last.values.at("means").size(0), 30);  // there were 25
}

TEST(GaussianTask, GrowsWithinItsBound) {
  How how;
  how.options.density.max_gaussians = 40;
  const Trained bounded = trained(how);
  EXPECT_LE(bounded.values.at("means").size(0), 40);
  EXPECT_GT(bounded.values.at("means").size(0), 25);
}

TEST(GaussianTask, LearnsByRelocationToo) {
  How how;
  how.options.densification = Densification::kMcmc;
  how.options.density.max_gaussians = 80;
  const Trained last = trained(how);
  EXPECT_GT(last.psnr, trained({.steps = 1}).psnr + 5);
  EXPECT_GT(last.values.at("means").size(0), 25);
  EXPECT_LE(last.values.at("means").size(0), 80);
}

// Opacities are reset behind step 170: before the next one, if there is one.
TEST(GaussianTask, ARunEndsWithWhatItLearned) {
  const Trained before = trained({.steps = 170}), after = trained({.steps = 171});
  EXPECT_GT(before.psnr, after.psnr + 3);
  EXPECT_GT(before.values.at("opacity_logits").max().item<float>(), 0);
  EXPECT_LT(after.values.at("opacity_logits").max().item<float>(), -4);  // 0.01 is -4.6
}

// Between two events of density control, so that what they go by has to be kept.
/// What is corrected per photo, all of it, and depths.
How correcting(How how) {
  how.options.pose_lr = 1e-3;
  how.options.exposure = true;
  how.options.depth_lambda = 0.01;
  return how;
}

How with_grids(How how) {
  how.options.bilateral_grid = true;
  return how;
}

TEST(GaussianTask, AResumedRunIsTheSameBitForBit) {
  for (const Densification densification : {Densification::kAdaptive, Densification::kMcmc}) {
    How how{.steps = 200};
    how.options.densification = densification;
    how.options.density.max_gaussians = 80;
    how.options.background = Background::kRandom;
    How stopped = how;
    stopped.stops_first_at = 137;
    expect_equal(trained(how), trained(stopped));
  }
  expect_equal(trained(correcting({.steps = 60})), trained(correcting({.steps = 60, .stops_first_at = 37})));
  expect_equal(trained(with_grids({.steps = 60})), trained(with_grids({.steps = 60, .stops_first_at = 37})));
}

TEST(GaussianTask, ThreadsChangeNoBit) {
  expect_equal(trained({.steps = 100, .threads = 1}), trained({.steps = 100, .threads = 3}));
  expect_equal(trained(correcting({.steps = 60, .threads = 1})), trained(correcting({.steps = 60, .threads = 3})));
  expect_equal(trained(with_grids({.steps = 60, .threads = 1})), trained(with_grids({.steps = 60, .threads = 3})));
}

TEST(GaussianTask, RefusesOptionsThatContradict) {
  How how;
  how.options.densification = Densification::kMcmc;
  try {
    trained(how);
    FAIL();
  } catch (const Error& error) {
    text::expect_contains(error.what(), {"max_gaussians", "none", "mcmc"});
  }
  const std::string both = text::error_of([] { trained(correcting(with_grids({}))); });
  text::expect_contains(both, {"bilateral_grid", "exposure", "one of the two"});
}

// From raw parameters to those behind a step of Adam: golden/scene/gaussians_raster/train_step.
TEST(GaussianTaskGolden, AStepIsTheirs) {
  int files = 0;
  for (const auto& path : golden_files("gaussians_raster")) {
    const GoldenFile file(path);
    if (!file.has("adam_step")) continue;
    ++files;
    const at::Tensor sh = at::cat({file["sh0"], file["shN"]}, 1);
    GaussianTable table({{"means", file["means"]},
                         {"log_scales", file["log_scales"]},
                         {"quats", file["quats"]},
                         {"opacity_logits", file["opacity_logits"]},
                         {"sh", sh}});
    for (const auto& [name, column] : table.columns()) {
      const auto moment = [&](const std::string& prefix) {
        return name == "sh" ? at::cat({file[prefix + "sh0"], file[prefix + "shN"]}, 1) : file[prefix + name];
      };
      column.m.copy_(moment("exp_avg."));
      column.v.copy_(moment("exp_avg_sq."));
    }
    struct One : Photos {
      size_t size() const override { return 1; }
      const View& view(size_t) const override { return at; }
      void load(size_t, const std::array<float, 3>&, Photo& photo) override { photo.rgb = target; }
      View at;
      std::vector<float> target;
    } photo;
    const at::Tensor size = file["image_size"], pose = file["viewmat"].contiguous(), k = file["K"],
                     target = file["target"].contiguous(), background = file["background"];
    photo.at = {.width = size[0].item<int>(),
                .height = size[1].item<int>(),
                .fx = k[0][0].item<float>(),
                .fy = k[1][1].item<float>(),
                .cx = k[0][2].item<float>(),
                .cy = k[1][2].item<float>()};
    std::copy_n(pose.const_data_ptr<float>(), 16, photo.at.camera_from_world.begin());
    photo.target.assign(target.const_data_ptr<float>(), target.const_data_ptr<float>() + target.numel());

    ThreadPool pool(2);
    splat::Renderer renderer(pool);
    std::map<std::string, at::Tensor> gradients;
    const auto span = [](const at::Tensor& tensor) {
      return std::span<float>(tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel()));
    };
    for (const auto& [name, column] : table.columns()) gradients[name] = at::empty_like(column.value.detach());
    const splat::Parameters<const float> values{span(table["means"].value), span(table["log_scales"].value),
                                                span(table["quats"].value), span(table["opacity_logits"].value),
                                                span(table["sh"].value)};
    splat::RenderOptions options{.sh_degree = file["sh_degree"].item<int>()};
    std::copy_n(background.const_data_ptr<float>(), 3, options.background.begin());
    renderer.draw(values, photo.at, options);
    std::vector<float> d_image(renderer.image().size()), centres(static_cast<size_t>(2 * table.size()));
    const auto loss =
        kernels::photometric_loss({photo.at.width, photo.at.height, renderer.image(), photo.target}, {}, d_image, pool);
    EXPECT_NEAR(loss.loss, file.number("loss"), 1e-6);
    renderer.backward(values, {.image = d_image},
                      {span(gradients["means"]), span(gradients["log_scales"]), span(gradients["quats"]),
                       span(gradients["opacity_logits"]), span(gradients["sh"])},
                      {centres, {}});
    for (const auto& [name, gradient] : gradients) {
      const at::Tensor expected =
          name == "sh" ? at::cat({file["grad.sh0"], file["grad.shN"]}, 1) : file["grad." + name];
      EXPECT_LE(apart(gradient, expected), 1e-4 * expected.abs().max().item<double>()) << name;
    }
    const int64_t step = file["adam_step"].item<int64_t>();
    const std::vector<uint8_t> all;
    const auto rates_of = [&](const std::string& name) {
      GaussianAdam::Rates rates;
      const double rate = file.number(name == "sh" ? "lr.sh0" : "lr." + name);
      rates.of_step = [rate](int64_t) { return rate; };
      if (name == "sh") {
        rates.of_columns.assign(48, static_cast<float>(file.number("lr.shN") / rate));
        std::fill_n(rates.of_columns.begin(), 3, 1.f);
      }
      return rates;
    };
    const Column& sh_column = table["sh"];
    Column in_parts{sh_column.value.detach().clone(), sh_column.m.clone(), sh_column.v.clone()};
    GaussianAdam of_parts(in_parts, rates_of("sh"), all, pool, [&](int64_t first, std::span<float> rows) {
      renderer.sh_gradient({values.means, values.log_scales, values.quats, values.opacity_logits, span(in_parts.value)},
                           first, rows);
    });
    const int64_t third = gradients["sh"].numel() / 3;
    EXPECT_TRUE(of_parts.own_gradient(third, third).equal(gradients["sh"].view(-1).narrow(0, third, third)));
    of_parts.update({.learning_rate = 1, .gradient_scale = 1, .number = step}, in_parts.value, {});
    for (const auto& [name, column] : table.columns()) {
      const at::NoGradGuard without_gradients;
      Column copy = column;
      GaussianAdam(copy, rates_of(name), all, pool)
          .update({.learning_rate = 1, .gradient_scale = 1, .number = step}, column.value.detach(), gradients[name]);
      const at::Tensor expected =
          name == "sh" ? at::cat({file["after.sh0"], file["after.shN"]}, 1) : file["after." + name];
      EXPECT_LE(apart(column.value, expected), 1e-5) << name;
    }
    EXPECT_TRUE(in_parts.value.equal(sh_column.value));
    EXPECT_TRUE(in_parts.m.equal(sh_column.m));
    EXPECT_TRUE(in_parts.v.equal(sh_column.v));
  }
  if (files == 0) GTEST_SKIP() << "no golden/scene/gaussians_raster";
}

}  // namespace
}  // namespace orrery::scene
