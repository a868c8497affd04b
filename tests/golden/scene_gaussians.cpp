// Projection, spherical harmonics and rasterisation against gsplat's own formulas in float64, and INRIA's rules.
// Tolerances: the folders' READMEs.
#include <algorithm>
#include <cmath>

#include "orrery/kernels/gaussian_project/gaussian_project.h"
#include "orrery/kernels/gaussian_raster/gaussian_raster.h"
#include "orrery/kernels/gaussian_sh/gaussian_sh.h"
#include "orrery/kernels/photometric_loss/photometric_loss.h"
#include "orrery/kernels/sparse_adam/sparse_adam.h"
#include "tests/golden/scene_files.h"

namespace orrery::scene::golden {
namespace {

using namespace kernels;
using Floats = std::vector<float>;

/// Gaussians with where they are seen, and all gradients back to them.
struct Scene {
  Scene(Floats means_of, Floats quats_of, Floats scales_of)
      : means(std::move(means_of)), quats(std::move(quats_of)), scales(std::move(scales_of)) {
    const size_t n = means.size() / 3;
    means2d.resize(2 * n), depths.resize(n), conics.resize(3 * n), compensations.resize(n), radii.resize(2 * n);
    d_means.resize(3 * n), d_quats.resize(4 * n), d_scales.resize(3 * n);
    d_means2d.resize(2 * n), d_depths.resize(n), d_conics.resize(3 * n), d_compensations.resize(n);
  }
  Scene(const GoldenFile& file) : Scene(file.floats("means"), file.floats("quats"), file.floats("scales")) {}

  void project(const View& view, GaussianRules rules, std::span<const float> opacities = {}) {
    gaussian_project({means, quats, scales, opacities}, view, rules, {means2d, depths, conics, compensations, radii},
                     pool);
  }
  std::array<float, 16> project_backward(const View& view, GaussianRules rules, bool compensated = true) {
    return gaussian_project_backward(
        {means, quats, scales}, view, rules, radii,
        {d_means2d, d_conics, d_depths, compensated ? d_compensations : std::span<const float>()},
        {d_means, d_quats, d_scales}, pool);
  }

  ThreadPool pool{2};
  Floats means, quats, scales, means2d, depths, conics, compensations;
  std::vector<int32_t> radii;
  Floats d_means, d_quats, d_scales, d_means2d, d_depths, d_conics, d_compensations;
};

template <class T>
std::vector<T> part(const std::vector<T>& values, int64_t index, int64_t parts) {
  const auto size = static_cast<int64_t>(values.size()) / parts;
  return {values.begin() + index * size, values.begin() + (index + 1) * size};
}

void add(Floats& sum, const Floats& more) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += more[i];
}

class ProjectGolden : public testing::TestWithParam<std::filesystem::path> {
 protected:
  Floats of_view(const char* name, int64_t view) const { return part(file_.floats(name), view, views_); }
  std::vector<int32_t> integers_of_view(const char* name, int64_t view) const {
    return part(file_.integers(name), view, views_);
  }

  const GoldenFile file_{GetParam()};
  const int64_t views_ = file_.shape("viewmats").at(0);
};

TEST_P(ProjectGolden, EllipsesAndRadii) {
  Scene scene(file_);
  const Floats opacities = file_.floats("opacities");
  for (int64_t c = 0; c < views_; ++c) {
    const View view = file_.view("viewmats", "Ks", c);
    scene.project(view, GaussianRules::kExact, opacities);
    EXPECT_EQ(scene.radii, integers_of_view("radii_opacity", c));
    scene.project(view, GaussianRules::kExact);
    EXPECT_EQ(scene.radii, integers_of_view("radii", c));
    expect_near(scene.means2d, of_view("means2d", c), 1e-4f, "means2d");
    expect_near(scene.depths, of_view("depths", c), 1e-5f, "depths");
    expect_share(scene.conics, of_view("conics", c), 5e-5f, "conics");
    expect_near(scene.compensations, of_view("compensations", c), 2e-4f, "compensations");
    const auto visible = integers_of_view("visible", c), inria = integers_of_view("radii_inria", c);
    // The file has INRIA's radii of gsplat's ellipses: the same but for means beside the frustum, and culled otherwise.
    const Floats conics = scene.conics;
    scene.project(view, GaussianRules::kInria);
    int64_t compared = 0;
    for (size_t i = 0; i < visible.size(); ++i) {
      if (!visible[i] || !std::equal(&conics[3 * i], &conics[3 * i] + 3, &scene.conics[3 * i])) continue;
      EXPECT_EQ(scene.radii[2 * i], inria[i]) << i;
      EXPECT_EQ(scene.radii[2 * i + 1], inria[i]) << i;
      ++compared;
    }
    EXPECT_GT(compared, std::ranges::count(visible, 1) / 2);
  }
}

TEST_P(ProjectGolden, Gradients) {
  Scene scene(file_);
  Floats d_means(scene.means.size()), d_quats(scene.quats.size()), d_scales(scene.scales.size()), d_poses;
  for (int64_t c = 0; c < views_; ++c) {
    const View view = file_.view("viewmats", "Ks", c);
    scene.project(view, GaussianRules::kExact);
    scene.d_means2d = of_view("v_means2d", c), scene.d_depths = of_view("v_depths", c);
    scene.d_conics = of_view("v_conics", c), scene.d_compensations = of_view("v_compensations", c);
    const auto d_pose = scene.project_backward(view, GaussianRules::kExact);
    d_poses.insert(d_poses.end(), d_pose.begin(), d_pose.end());
    add(d_means, scene.d_means), add(d_quats, scene.d_quats), add(d_scales, scene.d_scales);
  }
  expect_share(d_means, file_.floats("grad_means"), 2e-4f, "grad_means");
  expect_share(d_quats, file_.floats("grad_quats"), 2e-4f, "grad_quats");
  expect_share(d_scales, file_.floats("grad_scales"), 2e-4f, "grad_scales");
  expect_share(d_poses, file_.floats("grad_viewmats"), 2e-4f, "grad_viewmats");
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ProjectGolden);
INSTANTIATE_TEST_SUITE_P(Scene, ProjectGolden, testing::ValuesIn(files_with("gaussians_project", "v_conics")),
                         test_name);

class ShGolden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(ShGolden, ColoursAndGradients) {
  const GoldenFile file(GetParam());
  ThreadPool pool(2);
  const Floats means = file.floats("means"), coefficients = file.floats("coeffs"), centre = file.floats("campos");
  for (int degree = 0; degree <= 3; ++degree) {
    const std::string prefix = "deg" + std::to_string(degree) + ".";
    GaussianSh sh{.degree = degree, .means = means, .coefficients = coefficients};
    std::ranges::copy(centre, sh.centre.begin());
    Floats colours(means.size()), d_coefficients(coefficients.size()), d_means(means.size());
    gaussian_sh(sh, colours, pool);
    expect_near(colours, file.floats(prefix + "colors"), 2e-6f, prefix + "colors");
    const auto d_centre = gaussian_sh_backward(sh, file.floats("v_colors"), {d_coefficients, d_means}, pool);
    expect_share(d_coefficients, file.floats(prefix + "grad_coeffs"), 2e-5f, prefix + "grad_coeffs");
    if (degree == 0) {
      EXPECT_EQ(d_means, Floats(means.size()));
      continue;
    }
    expect_share(d_means, file.floats(prefix + "grad_means"), 2e-5f, prefix + "grad_means");
    expect_share(d_centre, file.floats(prefix + "grad_campos"), 2e-5f, prefix + "grad_campos");
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ShGolden);
INSTANTIATE_TEST_SUITE_P(Scene, ShGolden, testing::ValuesIn(files_with("gaussians_sh", "coeffs")), test_name);

/// A scene and its picture.
struct Picture {
  explicit Picture(const View& view) : view(view), rgb(pixels() * 3), alpha(pixels()), depth(pixels()) {}
  size_t pixels() const { return static_cast<size_t>(view.width) * view.height; }

  RasterInput input(const Scene& scene, GaussianRules rules, bool compensated) const {
    return {.rules = rules,
            .width = view.width,
            .height = view.height,
            .means2d = scene.means2d,
            .depths = scene.depths,
            .conics = scene.conics,
            .radii = scene.radii,
            .opacities = opacities,
            .compensations = compensated ? scene.compensations : std::span<const float>(),
            .colours = colours,
            .background = background};
  }
  void draw(Scene& scene, GaussianRules rules, bool compensated) {
    scene.project(view, rules);
    pixels_of_gaussian.resize(opacities.size());
    gaussian_raster(input(scene, rules, compensated), {rgb, alpha, depth, pixels_of_gaussian}, memory, scene.pool);
  }
  void descend(Scene& scene, GaussianRules rules, bool compensated, const RasterOutputGradient& d_output) {
    d_colours.resize(colours.size()), d_opacities.resize(opacities.size()), d_background.resize(3);
    gaussian_raster_backward(input(scene, rules, compensated), {rgb, alpha, depth}, d_output,
                             {.means2d = scene.d_means2d,
                              .conics = scene.d_conics,
                              .depths = scene.d_depths,
                              .colours = d_colours,
                              .opacities = d_opacities,
                              .compensations = scene.d_compensations,
                              .background = d_background},
                             memory, scene.pool);
    scene.project_backward(view, rules, compensated);
  }

  View view;
  Floats opacities, colours, background;
  Floats rgb, alpha, depth, d_colours, d_opacities, d_background;
  std::vector<int32_t> pixels_of_gaussian;
  RasterMemory memory;
};

struct Mode {
  const char* prefix;
  GaussianRules rules;
  bool compensated;
};

class RasterGolden : public testing::TestWithParam<std::filesystem::path> {
 protected:
  const GoldenFile file_{GetParam()};

  Floats visible_or_theirs(const Scene& scene, Floats ours, const char* name) const {
    const Floats theirs = file_.floats(name);
    const size_t columns = ours.size() / scene.depths.size();
    for (size_t i = 0; i < ours.size(); ++i)
      if (scene.radii[2 * (i / columns)] == 0) ours[i] = theirs[i];
    return ours;
  }
  /// Compares with PREFIXname where the file has it.
  void expect(const Mode& mode, const char* name, std::span<const float> ours, float near, float share) const {
    const std::string full = std::string(mode.prefix) + name;
    if (!file_.has(full)) return;
    near > 0 ? expect_near(ours, file_.floats(full), near, full) : expect_share(ours, file_.floats(full), share, full);
  }
};

TEST_P(RasterGolden, PicturesAndGradients) {
  const Floats d_rgb = file_.floats("v_rgb"), d_alpha = file_.floats("v_alpha"), d_depth = file_.floats("v_depth");
  for (const Mode& mode : {Mode{"", GaussianRules::kExact, false}, Mode{"aa.", GaussianRules::kExact, true},
                           Mode{"inria.", GaussianRules::kInria, false}}) {
    const std::string prefix = mode.prefix;
    if (!file_.has(prefix + "rgb")) continue;
    Scene scene(file_);
    Picture picture(file_.view("viewmat", "K"));
    picture.opacities = file_.floats("opacities");
    picture.colours = file_.floats("colors");
    picture.background = file_.floats("background");
    picture.draw(scene, mode.rules, mode.compensated);
    // The file has ellipses for what is culled too.
    expect(mode, "means2d", visible_or_theirs(scene, scene.means2d, "means2d"), 1e-4f, 0);
    expect(mode, "depths_c", visible_or_theirs(scene, scene.depths, "depths_c"), 1e-5f, 0);
    expect(mode, "conics", visible_or_theirs(scene, scene.conics, "conics"), 0, 5e-5f);
    expect(mode, "rgb", picture.rgb, 1e-5f, 0);
    expect(mode, "alpha", picture.alpha, 1e-5f, 0);
    expect(mode, "depth", picture.depth, 5e-5f, 0);
    if (file_.has(prefix + "radii")) {
      std::vector<int32_t> radii = scene.radii;
      if (mode.rules == GaussianRules::kInria)
        for (size_t i = 0; i < radii.size() / 2; ++i) radii[i] = radii[2 * i];
      const auto theirs = file_.integers(prefix + "radii");
      radii.resize(theirs.size());
      EXPECT_EQ(radii, theirs) << prefix;
    }
    if (file_.has(prefix + "pixels_per_gaussian")) {
      EXPECT_EQ(picture.pixels_of_gaussian, file_.integers(prefix + "pixels_per_gaussian")) << prefix;
    }

    picture.descend(scene, mode.rules, mode.compensated, {d_rgb, d_alpha, d_depth});
    constexpr float kGradient = 1e-4f;
    expect(mode, "grad_means", scene.d_means, 0, kGradient);
    expect(mode, "grad_quats", scene.d_quats, 0, kGradient);
    expect(mode, "grad_scales", scene.d_scales, 0, kGradient);
    expect(mode, "grad_means2d", scene.d_means2d, 0, kGradient);
    expect(mode, "grad_conics", scene.d_conics, 0, kGradient);
    expect(mode, "grad_opacities", picture.d_opacities, 0, kGradient);
    expect(mode, "grad_colors", picture.d_colours, 0, kGradient);
    expect(mode, "grad_background", picture.d_background, 0, kGradient);
    Floats norms(picture.opacities.size()), counts(norms.size());
    add_viewspace_norms(picture.view.width, picture.view.height, scene.d_means2d, scene.radii, norms, counts);
    expect(mode, "viewspace_grad_norm", norms, 0, kGradient);
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RasterGolden);
INSTANTIATE_TEST_SUITE_P(Scene, RasterGolden, testing::ValuesIn(files_with("gaussians_raster", "v_rgb")), test_name);

/// One step of training from raw parameters, in the names of the file.
class TrainStepGolden : public testing::TestWithParam<std::filesystem::path> {
 protected:
  Floats raw(const char* name) const { return file_.floats(name); }

  /// Adam's step for one parameter with `gradient`, against after.*.
  void expect_step(const std::string& name, const Floats& gradient) {
    expect_share(gradient, file_.floats("grad." + name), 1e-4f, "grad." + name);
    Floats values = file_.floats(name), m = file_.floats("exp_avg." + name), v = file_.floats("exp_avg_sq." + name);
    const AdamWStep step{
        .learning_rate = file_.number("lr." + name), .eps = 1e-15, .step = file_.integers("adam_step").at(0)};
    sparse_adam(step, {.parameters = values, .gradients = gradient, .m = m, .v = v}, {}, pool_);
    expect_near(values, file_.floats("after." + name), 1e-5f, "after." + name);
    expect_near(m, file_.floats("after.exp_avg." + name), 1e-5f, "after.exp_avg." + name);
    expect_near(v, file_.floats("after.exp_avg_sq." + name), 1e-5f, "after.exp_avg_sq." + name);
  }

  const GoldenFile file_{GetParam()};
  ThreadPool pool_{2};
};

TEST_P(TrainStepGolden, LossGradientsAndParametersAfter) {
  const Floats log_scales = raw("log_scales"), logits = raw("opacity_logits"), sh0 = raw("sh0"), sh_rest = raw("shN");
  Floats scales = log_scales;
  for (float& value : scales) value = std::exp(value);
  Scene scene(raw("means"), raw("quats"), scales);
  Picture picture(file_.view("viewmat", "K"));
  picture.background = raw("background");
  for (const float logit : logits) picture.opacities.push_back(1 / (1 + std::exp(-logit)));
  const size_t n = logits.size(), rest = sh_rest.size() / n;
  Floats coefficients;
  for (size_t i = 0; i < n; ++i) {
    coefficients.insert(coefficients.end(), sh0.begin() + 3 * i, sh0.begin() + 3 * (i + 1));
    coefficients.insert(coefficients.end(), sh_rest.begin() + rest * i, sh_rest.begin() + rest * (i + 1));
  }
  const GaussianSh sh{.degree = file_.integers("sh_degree").at(0),
                      .centre = picture.view.centre(),
                      .means = scene.means,
                      .coefficients = coefficients};
  picture.colours.resize(3 * n);
  gaussian_sh(sh, picture.colours, pool_);
  expect_near(picture.colours, raw("colors"), 2e-6f, "colors");
  picture.draw(scene, GaussianRules::kExact, false);
  expect_near(picture.rgb, raw("rgb"), 1e-5f, "rgb");
  expect_near(picture.alpha, raw("alpha"), 1e-5f, "alpha");

  Floats d_rgb(picture.rgb.size());
  const Floats target = raw("target");
  const PhotometricLoss loss = photometric_loss(
      {.width = picture.view.width, .height = picture.view.height, .image = picture.rgb, .target = target}, {}, d_rgb,
      pool_);
  EXPECT_NEAR(loss.loss, file_.number("loss"), 1e-6);
  EXPECT_NEAR(loss.l1, file_.number("l1"), 1e-6);
  EXPECT_NEAR(loss.ssim, file_.number("ssim"), 2e-6);

  picture.descend(scene, GaussianRules::kExact, false, {.image = d_rgb});
  expect_share(scene.d_means2d, raw("grad_means2d"), 1e-4f, "grad_means2d");
  Floats norms(n), counts(n);
  add_viewspace_norms(picture.view.width, picture.view.height, scene.d_means2d, scene.radii, norms, counts);
  expect_share(norms, raw("viewspace_grad_norm"), 1e-4f, "viewspace_grad_norm");

  Floats d_coefficients(coefficients.size()), d_sh0, d_rest;
  gaussian_sh_backward(sh, picture.d_colours, {d_coefficients, scene.d_means}, pool_);
  for (size_t i = 0; i < d_coefficients.size(); ++i) (i % (3 + rest) < 3 ? d_sh0 : d_rest).push_back(d_coefficients[i]);
  Floats d_logits = picture.d_opacities, d_log_scales = scene.d_scales;
  for (size_t i = 0; i < n; ++i) d_logits[i] *= picture.opacities[i] * (1 - picture.opacities[i]);
  for (size_t i = 0; i < d_log_scales.size(); ++i) d_log_scales[i] *= scales[i];
  expect_step("means", scene.d_means);
  expect_step("quats", scene.d_quats);
  expect_step("log_scales", d_log_scales);
  expect_step("opacity_logits", d_logits);
  expect_step("sh0", d_sh0);
  expect_step("shN", d_rest);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TrainStepGolden);
INSTANTIATE_TEST_SUITE_P(Scene, TrainStepGolden, testing::ValuesIn(files_with("gaussians_raster", "adam_step")),
                         test_name);

class LossesGolden : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(LossesGolden, ValuesAndGradients) {
  const GoldenFile file(GetParam());
  ThreadPool pool(2);
  const Floats image = file.floats("image"), target = file.floats("target");
  const PhotometricInput input{.width = static_cast<int>(file.shape("image").at(1)),
                               .height = static_cast<int>(file.shape("image").at(0)),
                               .image = image,
                               .target = target};
  for (const auto& [prefix, border] :
       {std::pair<std::string, SsimBorder>{"same.", SsimBorder::kZeros}, {"valid.", SsimBorder::kInside}}) {
    Floats gradient(image.size());
    const PhotometricLoss loss = photometric_loss(input, {.border = border}, gradient, pool);
    EXPECT_NEAR(loss.ssim, file.number(prefix + "ssim"), 2e-6) << prefix;
    EXPECT_NEAR(1 - loss.ssim, file.number(prefix + "dssim_loss"), 2e-6) << prefix;
    EXPECT_NEAR(loss.loss, file.number(prefix + "loss"), 1e-5) << prefix;
    expect_share(gradient, file.floats(prefix + "grad_loss"), 1e-4f, prefix + "grad_loss");
    photometric_loss(input, {.ssim_share = 1, .border = border}, gradient, pool);
    for (float& value : gradient) value = -value;  // of the similarity itself
    expect_share(gradient, file.floats(prefix + "grad_ssim"), 1e-4f, prefix + "grad_ssim");
    EXPECT_NEAR(loss.l1, file.number("l1"), 1e-5);
    EXPECT_NEAR((loss.squared_error[0] + loss.squared_error[1] + loss.squared_error[2]) / 3, file.number("mse"), 1e-5);
    EXPECT_NEAR(loss.psnr(), file.number("psnr"), 1e-5 * file.number("psnr"));
    EXPECT_NEAR(loss.psnr_of_channels(), file.number("psnr_channel_mean"), 1e-5 * file.number("psnr_channel_mean"));
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LossesGolden);
INSTANTIATE_TEST_SUITE_P(Scene, LossesGolden, testing::ValuesIn(files_with("density_control", "same.ssim")), test_name);

}  // namespace
}  // namespace orrery::scene::golden
