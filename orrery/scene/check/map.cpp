#include "orrery/scene/check/map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "orrery/scene/cameras/lens.h"

namespace orrery::scene {
namespace {

constexpr double kSide = 1000, kBorder = 40;
constexpr size_t kDrawnPoints = 4000;

double dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Vector cross(const Vector& a, const Vector& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Vector unit(const Vector& a) {
  const double length = std::sqrt(dot(a, a));
  return length > 1e-12 ? Vector{a[0] / length, a[1] / length, a[2] / length} : Vector{0, 0, 1};
}

/// Row `axis` of the rotation: the camera's axis in the world.
Vector axis_of(const RawFrame& frame, size_t axis) {
  const auto& m = frame.camera_from_world;
  return {m[4 * axis], m[4 * axis + 1], m[4 * axis + 2]};
}

/// The ground's two axes, and the part of them that is drawn.
struct Ground {
  Vector right, up;  // on the page
  double left = 0, top = 0, scale = 1;

  Pixel of(const Vector& p) const { return {(dot(p, right) - left) * scale, (top - dot(p, up)) * scale}; }
  Pixel along(const Vector& direction) const { return {dot(direction, right) * scale, -dot(direction, up) * scale}; }
};

std::pair<double, double> range(std::vector<double> values, double cut) {
  std::ranges::sort(values);
  const auto at = [&](double share) {
    return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
  };
  return {at(cut), at(1 - cut)};
}

Ground ground_of(const RawScene& scene) {
  Vector up{};
  for (const RawFrame& frame : scene.frames)
    for (size_t i = 0; i < 3; ++i) up[i] -= axis_of(frame, 1)[i];
  up = unit(up);
  Ground ground;
  ground.right = unit(cross(std::abs(up[0]) < 0.9 ? Vector{1, 0, 0} : Vector{0, 1, 0}, up));
  ground.up = cross(up, ground.right);
  std::vector<double> across, along, camera_across, camera_along;
  for (const auto& p : scene.points.positions) {
    across.push_back(dot({p[0], p[1], p[2]}, ground.right));
    along.push_back(dot({p[0], p[1], p[2]}, ground.up));
  }
  for (const RawFrame& frame : scene.frames) {
    camera_across.push_back(dot(frame.centre(), ground.right));
    camera_along.push_back(dot(frame.centre(), ground.up));
  }
  auto [left, right] = range(camera_across, 0);
  auto [bottom, top] = range(camera_along, 0);
  if (!across.empty()) {
    constexpr double kOutermost = 0.01;  // on each side
    const auto [l, r] = range(across, kOutermost);
    const auto [b, t] = range(along, kOutermost);
    left = std::min(left, l), right = std::max(right, r), bottom = std::min(bottom, b), top = std::max(top, t);
  }
  const double size = std::max({right - left, top - bottom, 1e-9});
  ground.scale = (kSide - 2 * kBorder) / size;
  ground.left = (left + right - size) / 2 - kBorder / ground.scale;
  ground.top = (top + bottom + size) / 2 + kBorder / ground.scale;
  return ground;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : c == '>' ? "&gt;" : std::string(1, c);
  return out;
}

/// A wedge as wide as the camera's horizontal field of view.
std::string wedge(const RawFrame& frame, const RawScene& scene, const Ground& ground, const char* colour) {
  constexpr double kLength = 22;  // on the page
  const formats::ColmapCamera& camera = scene.cameras[frame.camera];
  const double focal = camera.parameters.front(), half = std::atan2(static_cast<double>(camera.width) / 2, focal);
  const Vector ahead = axis_of(frame, 2), side = axis_of(frame, 0);
  const Pixel at = ground.of(frame.centre());
  std::string corners;
  for (const double sign : {-1.0, 1.0}) {
    Vector ray;
    for (size_t i = 0; i < 3; ++i) ray[i] = std::cos(half) * ahead[i] + sign * std::sin(half) * side[i];
    const Pixel way = ground.along(ray);
    corners +=
        fmt::format(" {:.1f},{:.1f}", at[0] + kLength * way[0] / ground.scale, at[1] + kLength * way[1] / ground.scale);
  }
  return fmt::format(
      "<polygon points=\"{:.1f},{:.1f}{}\" fill=\"{}\" fill-opacity=\"0.45\" stroke=\"{}\"><title>{}</title>"
      "</polygon>\n",
      at[0], at[1], corners, colour, colour, escaped(frame.name));
}

const char* colour_of(std::optional<Split> split) {
  if (split == Split::kTest) return "#e07b00";
  return split == Split::kValidation ? "#8a4fbf" : "#1f6fd0";
}

}  // namespace

std::string map_from_above(const RawScene& scene, const std::vector<size_t>& flagged) {
  const Ground ground = ground_of(scene);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {0}\" width=\"{0}\" "
      "height=\"{0}\">\n<rect width=\"{0}\" height=\"{0}\" fill=\"#fff\"/>\n",
      kSide);
  const size_t step = scene.points.positions.size() / kDrawnPoints + 1;
  for (size_t i = 0; i < scene.points.positions.size(); i += step) {
    const auto& p = scene.points.positions[i];
    const auto& [r, g, b] = scene.points.colours[i];
    const Pixel at = ground.of({p[0], p[1], p[2]});
    if (std::min(at[0], at[1]) < 0 || std::max(at[0], at[1]) > kSide) continue;
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"1.5\" fill=\"#{:02x}{:02x}{:02x}\"/>\n", at[0], at[1],
                       r, g, b);
  }
  for (size_t i = 0; i < scene.frames.size(); ++i) {
    const bool red = std::ranges::find(flagged, i) != flagged.end();
    svg += wedge(scene.frames[i], scene, ground, red ? "#d11" : colour_of(scene.frames[i].split));
  }
  svg += fmt::format(
      "<g font-family=\"sans-serif\" font-size=\"14\"><line x1=\"{0}\" y1=\"{1}\" x2=\"{2}\" y2=\"{1}\" "
      "stroke=\"#000\"/><text x=\"{0}\" y=\"{3}\">{4:.3g} units of the scene</text></g>\n</svg>\n",
      kBorder, kSide - 14, kBorder + 200, kSide - 20, 200 / ground.scale);
  return svg;
}

}  // namespace orrery::scene
