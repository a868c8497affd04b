// Photos of Gaussians that are known, for Gaussians that learn from them.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <map>
#include <vector>

#include "orrery/base/random.h"
#include "orrery/scene/gaussians/initial.h"
#include "orrery/scene/gaussians/pose.h"
#include "orrery/scene/gaussians/task.h"
#include "tests/text/tiny_model.h"

namespace orrery::scene {

/// A camera at that angle around the origin, 4 away, looking at it; `detail` times as many pixels to a side.
inline View view_at(double angle, int detail = 1) {
  const auto times = static_cast<float>(detail);
  View view{.width = 48 * detail,
            .height = 40 * detail,
            .fx = 50 * times,
            .fy = 50 * times,
            .cx = 24 * times,
            .cy = 20 * times};
  const auto c = static_cast<float>(std::cos(angle)), s = static_cast<float>(std::sin(angle));
  view.camera_from_world = {c, 0, s, 0, 0, 1, 0, 0, -s, 0, c, 4, 0, 0, 0, 1};
  return view;
}

/// So many Gaussians in [-1, 1]³, colours and sizes by chance.
inline GaussianTable random_table(int64_t count, uint64_t seed, double size = 0.2) {
  RandomStream random(seed, "table");
  std::vector<float> points(static_cast<size_t>(3 * count));
  std::vector<uint8_t> colours(points.size());
  for (float& value : points) value = static_cast<float>(2 * random.uniform() - 1);
  for (uint8_t& value : colours) value = static_cast<uint8_t>(random() & 255);
  GaussianTable table = gaussians_of_points(points, colours, 1);
  const at::NoGradGuard without_gradients;
  table["log_scales"].value.fill_(std::log(size));
  return table;
}

/// What a table looks like from all around.
class Turntable : public Photos {
 public:
  /// `detail`: so many times as small are the Gaussians, and the pixels.
  Turntable(int count, double first, ThreadPool& pool, int detail = 1) : pool_(pool) {
    for (int i = 0; i < count; ++i) truth_.push_back(view_at(first + 2 * M_PI * i / count, detail));
    given_ = truth_;
    table_ = beginning(detail);
    const at::NoGradGuard without_gradients;
    table_["opacity_logits"].value.fill_(2);
  }
  size_t size() const override { return given_.size(); }
  const View& view(size_t index) const override { return given_[index]; }
  const View& truth(size_t index) const { return truth_[index]; }
  const GaussianTable& table() const { return table_; }

  void load(size_t index, const std::array<float, 3>& background, Photo& photo) override {
    std::vector<float>& rgb = loaded_[{index, background}];
    if (rgb.empty()) {
      GaussianTask of_truth(table_, *this, nullptr, 1, {}, pool_);
      const auto image = of_truth.draw(truth_[index], background).image();
      rgb.assign(image.begin(), image.end());
      if (!exposures_.empty()) expose(exposures_[index], image, rgb, pool_);
      if (!shades_.empty()) shade(shades_[index], rgb);
    }
    photo.rgb = rgb;
    photo.mask.clear();
  }

  /// The same Gaussians, nearly transparent.
  static GaussianTable beginning(int detail = 1) { return random_table(60 * detail * detail, 3, 0.2 / detail); }

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

  /// Each photo is brighter to one side and darker to the other by up to that share, and so are its middle tones.
  void shade_by(double share) {
    RandomStream random(7, "shades");
    for (size_t i = 0; i < size(); ++i) {
      auto& all = shades_.emplace_back();
      for (float& one : all) one = static_cast<float>(share * (2 * random.uniform() - 1));
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
  using Shade = std::array<float, 3>;  // of the right side, of the lower side, of middle tones: their exponent less 1

  void shade(const Shade& shade, std::vector<float>& rgb) const {
    const auto width = static_cast<size_t>(truth_[0].width), height = static_cast<size_t>(truth_[0].height);
    for (size_t i = 0; i < rgb.size(); ++i) {
      const float x = 2 * (static_cast<float>(i / 3 % width) + 0.5f) / static_cast<float>(width) - 1,
                  y = 2 * (static_cast<float>(i / 3 / width) + 0.5f) / static_cast<float>(height) - 1;
      rgb[i] = std::pow(std::max(0.f, rgb[i]), 1 + shade[2]) * (1 + shade[0] * x) * (1 + shade[1] * y);
    }
  }

  ThreadPool& pool_;
  std::vector<View> given_, truth_;
  std::vector<std::vector<KnownDepth>> depths_;   // none: it saw none
  std::vector<std::array<float, 12>> exposures_;  // none: as the truth
  std::vector<Shade> shades_;                     // the same
  GaussianTable table_;
  std::map<std::pair<size_t, std::array<float, 3>>, std::vector<float>> loaded_;
};

}  // namespace orrery::scene
