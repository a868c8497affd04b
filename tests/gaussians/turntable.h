// Photos of Gaussians that are known, for Gaussians that learn from them.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "orrery/base/random.h"
#include "orrery/scene/gaussians/initial.h"
#include "orrery/scene/gaussians/pose.h"
#include "orrery/scene/gaussians/task.h"
#include "tests/text/tiny_model.h"

namespace orrery::scene {

/// A camera at that angle around the origin, 4 away, looking at it.
inline View view_at(double angle) {
  constexpr int kWidth = 48, kHeight = 40;
  View view{.width = kWidth, .height = kHeight, .fx = 50, .fy = 50, .cx = kWidth / 2.f, .cy = kHeight / 2.f};
  const auto c = static_cast<float>(std::cos(angle)), s = static_cast<float>(std::sin(angle));
  view.camera_from_world = {c, 0, s, 0, 0, 1, 0, 0, -s, 0, c, 4, 0, 0, 0, 1};
  return view;
}

/// So many Gaussians in [-1, 1]³, colours and sizes by chance.
inline GaussianTable random_table(int64_t count, uint64_t seed) {
  RandomStream random(seed, "table");
  std::vector<float> points(static_cast<size_t>(3 * count));
  std::vector<uint8_t> colours(points.size());
  for (float& value : points) value = static_cast<float>(2 * random.uniform() - 1);
  for (uint8_t& value : colours) value = static_cast<uint8_t>(random() & 255);
  GaussianTable table = gaussians_of_points(points, colours, 1);
  const at::NoGradGuard without_gradients;
  table["log_scales"].value.fill_(std::log(0.2));
  return table;
}

/// What a table looks like from all around.
class Turntable : public Photos {
 public:
  Turntable(int count, double first, ThreadPool& pool) : pool_(pool) {
    for (int i = 0; i < count; ++i) truth_.push_back(view_at(first + 2 * M_PI * i / count));
    given_ = truth_;
    table_ = random_table(60, 3);
    const at::NoGradGuard without_gradients;
    table_["opacity_logits"].value.fill_(2);
  }
  size_t size() const override { return given_.size(); }
  const View& view(size_t index) const override { return given_[index]; }
  const View& truth(size_t index) const { return truth_[index]; }
  const GaussianTable& table() const { return table_; }

  void load(size_t index, const std::array<float, 3>& background, Photo& photo) override {
    GaussianTask of_truth(table_, *this, nullptr, 1, {}, pool_);
    const auto image = of_truth.draw(truth_[index], background).image();
    photo.rgb.assign(image.begin(), image.end());
    if (!exposures_.empty()) expose(exposures_[index], image, photo.rgb, pool_);
    photo.mask.clear();
  }

  /// What view() says is off from where the photos were taken, by about so many radians and units of the world.
  void misplace(double amount) {
    RandomStream random(5, "poses");
    for (View& view : given_) {
      std::array<float, 6> off;
      for (float& value : off) value = static_cast<float>(amount * random.normal());
      view = corrected(view, off, 1);
    }
  }

  std::span<const KnownDepth> depths(size_t index) const override {
    return depths_.empty() ? std::span<const KnownDepth>() : depths_[index];
  }

  /// From now on photos saw points: of every third pixel that is not transparent.
  void see_points() {
    splat::Renderer renderer(pool_);
    const auto span = [&](const char* name) {
      const at::Tensor& value = table_[name].value;
      return std::span<const float>(value.const_data_ptr<float>(), static_cast<size_t>(value.numel()));
    };
    for (const View& view : truth_) {
      renderer.draw({span("means"), span("log_scales"), span("quats"), span("opacity_logits"), span("sh")}, view,
                    {.depth = true});
      auto& depths = depths_.emplace_back();
      for (size_t pixel = 0; pixel < renderer.alpha().size(); pixel += 3)
        if (renderer.alpha()[pixel] > 0.8) depths.push_back({pixel, renderer.depth()[pixel] / renderer.alpha()[pixel]});
    }
  }

  /// Each photo's channels are brighter or darker than the truth by up to that share, with a little offset.
  void expose_by(double share) {
    RandomStream random(6, "exposures");
    const auto about = [&](double middle, double most) {
      return static_cast<float>(middle + most * (2 * random.uniform() - 1));
    };
    for (size_t i = 0; i < size(); ++i) {
      auto& exposure = exposures_.emplace_back();
      for (size_t k = 0; k < 3; ++k) {
        exposure[5 * k] = about(1, share);
        exposure[4 * k + 3] = about(0, 0.1 * share);
      }
    }
  }

 private:
  ThreadPool& pool_;
  std::vector<View> given_, truth_;
  std::vector<std::vector<KnownDepth>> depths_;   // none: it saw none
  std::vector<std::array<float, 12>> exposures_;  // none: as the truth
  GaussianTable table_;
};

}  // namespace orrery::scene
