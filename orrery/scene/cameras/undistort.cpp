#include "orrery/scene/cameras/undistort.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "orrery/base/error.h"

namespace orrery::scene {
namespace {

constexpr double kDegree = std::numbers::pi / 180;
constexpr double kWidestFisheye = 89 * kDegree;  // a View sees what lies before it

/// A ray and where on the picture it was taken, as shares of its width and height.
struct Sample {
  double across, down;
  Vector ray;
};

/// Rays of a grid of the picture's pixels; those that the lens does not see are left out.
std::vector<Sample> sample_rays(const Lens& lens, const formats::ColmapCamera& camera, int steps, double offset) {
  std::vector<Sample> samples;
  for (int row = 0; row < steps; ++row)
    for (int column = 0; column < steps; ++column) {
      const double across = (column + offset) / (steps - 1 + 2 * offset),
                   down = (row + offset) / (steps - 1 + 2 * offset);
      const auto ray = lens.camera_from_pixel(
          {across * static_cast<double>(camera.width), down * static_cast<double>(camera.height)});
      if (ray) samples.push_back({across, down, *ray});
    }
  return samples;
}

double angle_of(const Vector& ray) { return std::atan2(std::hypot(ray[0], ray[1]), ray[2]); }

/// A rectangle of a projection's plane, focal length 1.
struct Rectangle {
  double left = -1e9, right = 1e9, top = -1e9, bottom = 1e9;
};

Pixel on_plane(const Vector& ray, Projection projection) {
  const View plane{.projection = projection, .fx = 1, .fy = 1};
  return pixel_from_camera(plane, ray).value_or(Pixel{0, 0});
}

Rectangle around(const std::vector<Sample>& samples, Projection projection) {
  Rectangle all{.left = 1e9, .right = -1e9, .top = 1e9, .bottom = -1e9};
  for (const Sample& sample : samples) {
    const auto [u, v] = on_plane(sample.ray, projection);
    all = {std::min(all.left, u), std::max(all.right, u), std::min(all.top, v), std::max(all.bottom, v)};
  }
  return all;
}

/// Within the curves that the picture's four borders become.
Rectangle within(const std::vector<Sample>& samples) {
  Rectangle inner;
  for (const Sample& sample : samples) {
    const auto [u, v] = on_plane(sample.ray, Projection::kPinhole);
    if (sample.across == 0) inner.left = std::max(inner.left, u);
    if (sample.across == 1) inner.right = std::min(inner.right, u);
    if (sample.down == 0) inner.top = std::max(inner.top, v);
    if (sample.down == 1) inner.bottom = std::min(inner.bottom, v);
  }
  return inner;
}

Rectangle between(const Rectangle& a, const Rectangle& b, double share) {
  return {std::lerp(a.left, b.left, share), std::lerp(a.right, b.right, share), std::lerp(a.top, b.top, share),
          std::lerp(a.bottom, b.bottom, share)};
}

View view_of(const Rectangle& rectangle, Projection projection, const Lens& lens) {
  constexpr double kRounding = 1e-6;  // a lens that bends nothing must keep its size
  const auto pixels = [&](double length) { return std::max(1, static_cast<int>(std::floor(length + kRounding))); };
  return {.projection = projection,
          .width = pixels((rectangle.right - rectangle.left) * lens.fx()),
          .height = pixels((rectangle.bottom - rectangle.top) * lens.fy()),
          .fx = static_cast<float>(lens.fx()),
          .fy = static_cast<float>(lens.fy()),
          .cx = static_cast<float>(-rectangle.left * lens.fx()),
          .cy = static_cast<float>(-rectangle.top * lens.fy())};
}

/// Where in the picture a pixel of the view comes from; nothing where it has no source.
std::optional<Pixel> source_of(int x, int y, const View& view, const Lens& lens, double width, double height) {
  const auto ray = camera_from_pixel(view, {x + 0.5, y + 0.5});
  if (!ray) return std::nullopt;
  const auto pixel = lens.pixel_from_camera(*ray);
  if (!pixel || (*pixel)[0] < 0 || (*pixel)[1] < 0 || (*pixel)[0] > width || (*pixel)[1] > height) return std::nullopt;
  return pixel;
}

double share_lost(const formats::ColmapCamera& camera, const Lens& lens, const View& view) {
  constexpr int kGrid = 200;
  const auto samples = sample_rays(lens, camera, kGrid, 0.5);
  const auto kept = std::ranges::count_if(samples, [&](const Sample& sample) {
    const auto pixel = pixel_from_camera(view, sample.ray);
    return pixel && (*pixel)[0] >= 0 && (*pixel)[1] >= 0 && (*pixel)[0] <= view.width && (*pixel)[1] <= view.height;
  });
  return 1 - static_cast<double>(kept) / (kGrid * kGrid);
}

double share_empty(const formats::ColmapCamera& camera, const Lens& lens, const View& view) {
  const int step = std::max(1, std::max(view.width, view.height) / 500);
  int64_t all = 0, empty = 0;
  for (int y = 0; y < view.height; y += step)
    for (int x = 0; x < view.width; x += step, ++all)
      empty += !source_of(x, y, view, lens, static_cast<double>(camera.width), static_cast<double>(camera.height));
  return static_cast<double>(empty) / static_cast<double>(all);
}

/// Bilinear weights of the four pixels around a place; the picture's border pixels reach to its edge.
class Neighbours {
 public:
  Neighbours(const Pixel& at, int width, int height) {
    const double x = std::clamp(at[0] - 0.5, 0.0, width - 1.0), y = std::clamp(at[1] - 0.5, 0.0, height - 1.0);
    const int left = static_cast<int>(x), top = static_cast<int>(y);
    const int right = std::min(left + 1, width - 1), bottom = std::min(top + 1, height - 1);
    const auto fx = static_cast<float>(x - left), fy = static_cast<float>(y - top);
    const auto index = [&](int row, int column) {
      return static_cast<size_t>(row) * static_cast<size_t>(width) + static_cast<size_t>(column);
    };
    pixels_ = {index(top, left), index(top, right), index(bottom, left), index(bottom, right)};
    weights_ = {(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy};
  }

  template <class Value>  // of a pixel's index
  float mean(const Value& value) const {
    float sum = 0;
    for (size_t i = 0; i < 4; ++i) sum += weights_[i] * value(pixels_[i]);
    return sum;
  }

 private:
  std::array<size_t, 4> pixels_;
  std::array<float, 4> weights_;
};

uint8_t rounded(float value) { return static_cast<uint8_t>(std::clamp(value + 0.5f, 0.0f, 255.0f)); }

void blend(const Picture& picture, const Neighbours& around, uint8_t* out) {
  const auto channels = static_cast<size_t>(picture.channels);
  const auto channel = [&](size_t pixel, size_t c) { return static_cast<float>(picture.pixels[pixel * channels + c]); };
  if (channels == 3) {
    for (size_t c = 0; c < 3; ++c) out[c] = rounded(around.mean([&](size_t pixel) { return channel(pixel, c); }));
    return;
  }
  const float alpha = around.mean([&](size_t pixel) { return channel(pixel, 3); });
  for (size_t c = 0; c < 3; ++c) {
    const float weighted = around.mean([&](size_t pixel) { return channel(pixel, c) * channel(pixel, 3); });
    out[c] = alpha > 0 ? rounded(weighted / alpha) : 0;
  }
  out[3] = rounded(alpha);
}

}  // namespace

Undistortion plan_undistortion(const formats::ColmapCamera& camera, const UndistortOptions& options) {
  constexpr int kGrid = 129;
  const Lens lens(camera);
  auto samples = sample_rays(lens, camera, kGrid, 0);
  const bool far = std::ranges::any_of(
      samples, [&](const Sample& sample) { return angle_of(sample.ray) > options.widest_pinhole * kDegree; });
  std::erase_if(samples, [](const Sample& sample) { return angle_of(sample.ray) > kWidestFisheye; });
  if (samples.empty())
    throw Error({.doing = "undistort a camera's pictures",
                 .where = fmt::format("camera {}, {}", camera.id, formats::info_of(camera.model).name),
                 .found = "parameters by which no pixel sees anything",
                 .expected = "those of a calibration"});
  Undistortion plan;
  if (far) {
    plan.view = view_of(around(samples, Projection::kFisheye), Projection::kFisheye, lens);
  } else {
    const Rectangle outer = around(samples, Projection::kPinhole);
    Rectangle inner = within(samples);
    if (inner.right <= inner.left || inner.bottom <= inner.top) inner = outer;
    plan.view = view_of(between(inner, outer, options.keep), Projection::kPinhole, lens);
  }
  plan.lost = share_lost(camera, lens, plan.view);
  plan.empty = share_empty(camera, lens, plan.view);
  return plan;
}

Picture undistorted(const Picture& picture, const Lens& lens, const View& view, ThreadPool& pool) {
  Picture out{.width = view.width, .height = view.height, .channels = picture.channels};
  const auto width = static_cast<size_t>(view.width), count = width * static_cast<size_t>(view.height),
             channels = static_cast<size_t>(picture.channels);
  out.pixels.resize(count * channels);
  out.mask.resize(count, 255);
  pool.run(view.height, [&](int64_t y, int) {
    for (int x = 0; x < view.width; ++x) {
      const size_t at = static_cast<size_t>(y) * width + static_cast<size_t>(x);
      const auto source = source_of(x, static_cast<int>(y), view, lens, picture.width, picture.height);
      if (!source) {
        out.mask[at] = 0;
        continue;
      }
      const Neighbours around(*source, picture.width, picture.height);
      blend(picture, around, &out.pixels[at * channels]);
      if (!picture.mask.empty())
        out.mask[at] = rounded(around.mean([&](size_t pixel) { return static_cast<float>(picture.mask[pixel]); }));
    }
  });
  if (std::ranges::all_of(out.mask, [](uint8_t value) { return value == 255; })) out.mask.clear();
  return out;
}

formats::ColmapCamera at_size(const formats::ColmapCamera& camera, int64_t width, int64_t height) {
  formats::ColmapCamera result = camera;
  const double across = static_cast<double>(width) / static_cast<double>(camera.width),
               down = static_cast<double>(height) / static_cast<double>(camera.height);
  result.width = width;
  result.height = height;
  const auto& names = formats::info_of(camera.model).parameters;
  for (size_t i = 0; i < names.size(); ++i) {
    double& value = result.parameters.at(i);
    if (names[i] == "f") value *= (across + down) / 2;
    if (names[i] == "fx" || names[i] == "cx" || names[i] == "w") value *= across;
    if (names[i] == "fy" || names[i] == "cy" || names[i] == "h") value *= down;
  }
  return result;
}

View at_size(const View& view, int width, int height) {
  View result = view;
  const auto across = static_cast<float>(width) / static_cast<float>(view.width),
             down = static_cast<float>(height) / static_cast<float>(view.height);
  result.width = width;
  result.height = height;
  result.fx *= across;
  result.cx *= across;
  result.fy *= down;
  result.cy *= down;
  return result;
}

}  // namespace orrery::scene
