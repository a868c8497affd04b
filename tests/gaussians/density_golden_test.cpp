// Density control, learning rates and first Gaussians against the original implementations' numbers
// (golden/scene/density_control).
#include <gtest/gtest.h>

#include "orrery/scene/gaussians/adam.h"
#include "orrery/scene/gaussians/density_control.h"
#include "orrery/scene/gaussians/initial.h"
#include "tests/gaussians/golden_files.h"

namespace orrery::scene {
namespace {

constexpr double kTolerance = 1e-5;

/// The golden files that hold a tensor of that name.
std::vector<std::filesystem::path> files_with(const std::string& tensor) {
  std::vector<std::filesystem::path> all;
  for (const auto& file : golden_files("density"))
    if (GoldenFile(file).has(tensor)) all.push_back(file);
  return all;
}

/// Our columns by their names there; two of theirs are one of ours.
const std::map<std::string, std::vector<std::string>> kTheirs = {{"means", {"means"}},
                                                                 {"log_scales", {"scales"}},
                                                                 {"quats", {"quats"}},
                                                                 {"opacity_logits", {"opacities"}},
                                                                 {"sh", {"sh0", "shN"}}};

at::Tensor column(const GoldenFile& file, const std::string& prefix, const std::vector<std::string>& names) {
  std::vector<at::Tensor> parts;
  for (const std::string& name : names) parts.push_back(file[prefix + name]);
  return at::cat(parts, parts.size() > 1 ? 1 : 0);
}

GaussianTable table_of(const GoldenFile& file) {
  std::map<std::string, at::Tensor> values;
  for (const auto& [name, theirs] : kTheirs) values[name] = column(file, "before.", theirs);
  GaussianTable table(values);
  for (const auto& [name, theirs] : kTheirs) {
    table[name].m.copy_(column(file, "before.exp_avg.", theirs));
    table[name].v.copy_(column(file, "before.exp_avg_sq.", theirs));
  }
  return table;
}

void expect_table(const GaussianTable& table, const GoldenFile& file, const std::string& stage) {
  for (const auto& [name, theirs] : kTheirs) {
    if (!file.has(stage + "." + theirs[0])) continue;
    const at::Tensor expected = column(file, stage + ".", theirs);
    ASSERT_EQ(table[name].value.sizes(), expected.sizes()) << stage << ' ' << name;
    EXPECT_LE(apart(table[name].value, expected), kTolerance) << stage << ' ' << name;
    EXPECT_LE(apart(table[name].m, column(file, stage + ".exp_avg.", theirs)), kTolerance) << stage << ' ' << name;
    EXPECT_LE(apart(table[name].v, column(file, stage + ".exp_avg_sq.", theirs)), kTolerance) << stage << ' ' << name;
  }
}

TEST(DensityGolden, ClonesSplitsPrunesAndResets) {
  const auto files = files_with("split_noise");
  if (files.empty()) GTEST_SKIP() << "no golden/scene/density_control";
  for (const auto& path : files) {
    const GoldenFile file(path);
    const auto thresholds = file["thresholds"];
    const auto at = [&](int i) { return thresholds[i].item<double>(); };
    const DensityOptions options{.densify_grad_threshold = at(0),
                                 .percent_dense = at(1),
                                 .min_opacity = at(3),
                                 .max_world_scale = at(4) / at(2),
                                 .split_divisor = at(6),
                                 .reset_opacity = at(5)};
    const double extent = at(2);
    const at::Tensor mean = (file["grad_accum"] / file["denom"]).nan_to_num_(0, 0, 0);
    EXPECT_LE(apart(mean, file["mean_grad"]), 1e-9);

    GaussianTable table = table_of(file);
    const DensityMasks masks = density_masks(table, mean, options, extent);
    EXPECT_TRUE(masks.clone.to(at::kByte).equal(file["clone_mask"]));
    EXPECT_TRUE(masks.split.to(at::kByte).equal(file["split_mask"]));
    clone(table, masks.clone);
    expect_table(table, file, "after_clone");
    const int64_t cloned = table.size() - masks.clone.size(0);
    split(table, at::cat({masks.split, at::zeros({cloned}, at::kBool)}), file["split_noise"], options.split_divisor);
    expect_table(table, file, "after_split");
    EXPECT_TRUE(prune_mask(table, options, extent, false).to(at::kByte).equal(file["prune_mask_opacity"]));
    EXPECT_TRUE(prune_mask(table, options, extent, true).to(at::kByte).equal(file["prune_mask_opacity_and_size"]));

    // The same in one.
    GaussianTable whole = table_of(file);
    const DensityChange change =
        densify(whole, mean, options, extent, true, [&](int64_t) { return file["split_noise"]; });
    EXPECT_EQ(change.cloned, masks.clone.sum().item<int64_t>());
    EXPECT_EQ(change.split, masks.split.sum().item<int64_t>());
    EXPECT_EQ(change.pruned, file["prune_mask_opacity_and_size"].sum().item<int64_t>());
    expect_table(whole, file, "after_prune");
    reset_opacities(whole, options);
    expect_table(whole, file, "after_reset");
  }
}

TEST(DensityGolden, RatesOfMeansFall) {
  const auto files = files_with("position_lr");
  if (files.empty()) GTEST_SKIP() << "no golden/scene/density_control";
  for (const auto& path : files) {
    const GoldenFile file(path);
    const GaussianOptions options;
    for (int64_t i = 0; i < file["steps"].numel(); ++i) {
      const double rate =
          file.number("extent") * falling_rate(options.position_lr_init, options.position_lr_final,
                                               options.position_lr_max_steps, file["steps"][i].item<int64_t>());
      const auto expected = file["position_lr"][i].item<double>();
      EXPECT_NEAR(rate, expected, 1e-5 * expected) << i;
    }
  }
}

TEST(DensityGolden, PointsBecomeGaussians) {
  const auto files = files_with("mean_sq_dist_3nn");
  if (files.empty()) GTEST_SKIP() << "no golden/scene/density_control";
  for (const auto& path : files) {
    const GoldenFile file(path);
    const at::Tensor points = file["points"], colours = file["colors_u8"];
    const GaussianTable table =
        gaussians_of_points({points.const_data_ptr<float>(), static_cast<size_t>(points.numel())},
                            {colours.const_data_ptr<uint8_t>(), static_cast<size_t>(colours.numel())}, 3);
    EXPECT_LE(apart(table["means"].value, points), 0);
    EXPECT_LE(apart(table["log_scales"].value, file["log_scales"]), kTolerance);
    EXPECT_LE(apart(table["quats"].value, file["quats"]), kTolerance);
    EXPECT_LE(apart(table["opacity_logits"].value, file["opacity_logit"].expand({table.size()})), kTolerance);
    EXPECT_LE(apart(table["sh"].value.select(1, 0), file["f_dc"]), kTolerance);
    EXPECT_EQ(table["sh"].value.narrow(1, 1, 15).abs().max().item<float>(), 0);
  }
}

}  // namespace
}  // namespace orrery::scene
