// Checks of cameras, poses and points.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "orrery/base/error.h"
#include "orrery/scene/cameras/lens.h"
#include "orrery/scene/check/checks.h"

namespace orrery::scene {
namespace {

using formats::ColmapCamera;

constexpr size_t kMostPoints = 50'000;  // enough to judge by

size_t stride(const RawScene& scene) { return scene.points.positions.size() / kMostPoints + 1; }

Vector in_camera(const RawFrame& frame, const std::array<float, 3>& p) {
  const auto& m = frame.camera_from_world;
  Vector at;
  for (size_t i = 0; i < 3; ++i) at[i] = m[4 * i] * p[0] + m[4 * i + 1] * p[1] + m[4 * i + 2] * p[2] + m[4 * i + 3];
  return at;
}

double extent_of(const RawScene& scene) {
  Vector mean{};
  for (const RawFrame& frame : scene.frames)
    for (size_t i = 0; i < 3; ++i) mean[i] += frame.centre()[i] / static_cast<double>(scene.frames.size());
  double furthest = 0;
  for (const RawFrame& frame : scene.frames) {
    const Vector at = frame.centre();
    furthest = std::max(furthest, std::hypot(at[0] - mean[0], at[1] - mean[1], at[2] - mean[2]));
  }
  return furthest;
}

std::string camera_name(const ColmapCamera& camera) {
  return fmt::format("camera {} ({}, {} × {})", camera.id, formats::info_of(camera.model).name, camera.width,
                     camera.height);
}

/// Share of a grid of the picture's pixels that the lens does not see.
double blind_share(const Lens& lens, const ColmapCamera& camera) {
  constexpr int kGrid = 32;
  int blind = 0;
  for (int row = 0; row < kGrid; ++row)
    for (int column = 0; column < kGrid; ++column)
      blind += !lens.camera_from_pixel({(column + 0.5) / kGrid * static_cast<double>(camera.width),
                                        (row + 0.5) / kGrid * static_cast<double>(camera.height)});
  return static_cast<double>(blind) / (kGrid * kGrid);
}

void check_camera(const ColmapCamera& camera, Findings& findings) {
  const Lens lens(camera);
  const double side = static_cast<double>(std::max(camera.width, camera.height));
  const auto warn = [&](const std::string& text) {
    findings.push_back({Weight::kWarning, camera_name(camera) + ": " + text});
  };
  if (camera.model == formats::CameraModel::kEquirectangular) return;
  const double ratio = std::max(lens.fx(), lens.fy()) / side;
  if (ratio < 0.1 || ratio > 10)
    warn(fmt::format("a focal length of {:.4g} times the longer side is implausible", ratio));
  if (const double aspect = lens.fx() / lens.fy(); aspect < 0.8 || aspect > 1.25)
    warn(fmt::format("fx is {:.3g} times fy: pixels are square in nearly every camera", aspect));
  const double off_x = std::abs(lens.cx() / static_cast<double>(camera.width) - 0.5),
               off_y = std::abs(lens.cy() / static_cast<double>(camera.height) - 0.5);
  if (std::max(off_x, off_y) > 0.25)
    warn(fmt::format("the principal point {:.4g}, {:.4g} lies far from the middle: was the picture cropped?", lens.cx(),
                     lens.cy()));
  if (const double blind = blind_share(lens, camera); blind > 0.01)
    warn(fmt::format("its distortion turns back on itself within the picture: {:.0f} % of the pixels see nothing",
                     100 * blind));
}

}  // namespace

void check_sizes(const Examined& examined, Findings& findings) {
  std::vector<size_t> wrong, smaller;
  for (size_t i = 0; i < examined.facts.size(); ++i) {
    const PictureFacts& facts = examined.facts[i];
    const ColmapCamera& camera = examined.scene.cameras[examined.scene.frames[i].camera];
    if (facts.width == 0 || (facts.width == camera.width && facts.height == camera.height)) continue;
    const double across = static_cast<double>(facts.width) / static_cast<double>(camera.width),
                 down = static_cast<double>(facts.height) / static_cast<double>(camera.height);
    const bool same_shape = std::abs(across - down) * static_cast<double>(std::max(camera.width, camera.height)) <=
                            2 + 0.01 * std::max(facts.width, facts.height);
    (same_shape ? smaller : wrong).push_back(i);
  }
  const auto sizes = [&](size_t frame) {
    const ColmapCamera& camera = examined.scene.cameras[examined.scene.frames[frame].camera];
    return fmt::format("{} × {} against {} × {}", examined.facts[frame].width, examined.facts[frame].height,
                       camera.width, camera.height);
  };
  if (!wrong.empty())
    findings.push_back({Weight::kFatal, listed(examined.scene, wrong, "picture") +
                                            " of another shape than their camera, " + sizes(wrong.front()) +
                                            ": turned or cropped after the poses were found?"});
  if (!smaller.empty())
    findings.push_back({Weight::kNote, listed(examined.scene, smaller, "picture") +
                                           " of another size than their camera, " + sizes(smaller.front()) +
                                           ", which is scaled"});
}

void check_intrinsics(const Examined& examined, Findings& findings) {
  std::set<size_t> used;
  for (const RawFrame& frame : examined.scene.frames) used.insert(frame.camera);
  for (const size_t camera : used) try {
      check_camera(examined.scene.cameras[camera], findings);
    } catch (const Error& error) {
      findings.push_back({Weight::kFatal, error.what()});
    }
}

void check_poses(const Examined& examined, Findings& findings) {
  const RawScene& scene = examined.scene;
  if (scene.frames.size() > 1 && extent_of(scene) < 1e-6)
    findings.push_back({Weight::kWarning, "all cameras stand in one place: depth cannot be seen"});
  std::vector<size_t> twice, late;
  for (size_t i = 0; i < scene.frames.size(); ++i) {
    if (i > 0 && scene.frames[i].name == scene.frames[i - 1].name) twice.push_back(i);
    if (const auto time = scene.frames[i].time; time && (*time < 0 || *time > 1)) late.push_back(i);
  }
  if (!twice.empty()) findings.push_back({Weight::kWarning, listed(scene, twice, "picture") + " with a second pose"});
  if (!late.empty())
    findings.push_back({Weight::kWarning, listed(scene, late, "picture") + " with a time outside 0 to 1"});
}

std::vector<size_t> frames_inside_points(const RawScene& scene) {
  constexpr size_t kNearest = 10;  // a few stray points close to a camera are common
  constexpr double kClose = 0.02;  // of the median distance of the points
  std::vector<size_t> inside;
  for (size_t i = 0; i < scene.frames.size(); ++i) {
    const Vector at = scene.frames[i].centre();
    std::vector<double> distances;
    for (size_t p = 0; p < scene.points.positions.size(); p += stride(scene)) {
      const auto& point = scene.points.positions[p];
      distances.push_back(std::hypot(point[0] - at[0], point[1] - at[1], point[2] - at[2]));
    }
    if (distances.size() <= 2 * kNearest) continue;
    const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2),
               nearest = distances.begin() + static_cast<std::ptrdiff_t>(kNearest);
    std::nth_element(distances.begin(), middle, distances.end());
    const double median = *middle;
    std::nth_element(distances.begin(), nearest, middle);
    if (*nearest < kClose * median) inside.push_back(i);
  }
  return inside;
}

std::vector<size_t> frames_turned_away(const RawScene& scene) {
  constexpr double kFew = 0.002;
  std::map<size_t, Lens> lenses;
  std::vector<size_t> away;
  for (size_t i = 0; i < scene.frames.size(); ++i) {
    const RawFrame& frame = scene.frames[i];
    const ColmapCamera& camera = scene.cameras[frame.camera];
    const Lens& lens = lenses.try_emplace(frame.camera, camera).first->second;
    size_t seen = 0, all = 0;
    for (size_t p = 0; p < scene.points.positions.size(); p += stride(scene), ++all) {
      const auto pixel = lens.pixel_from_camera(in_camera(frame, scene.points.positions[p]));
      seen += pixel && (*pixel)[0] >= 0 && (*pixel)[1] >= 0 && (*pixel)[0] <= static_cast<double>(camera.width) &&
              (*pixel)[1] <= static_cast<double>(camera.height);
    }
    if (all > 0 && static_cast<double>(seen) <= kFew * static_cast<double>(all)) away.push_back(i);
  }
  return away;
}

void check_points(const Examined& examined, Findings& findings) {
  const RawScene& scene = examined.scene;
  if (std::ranges::any_of(findings, [](const Finding& finding) { return finding.weight == Weight::kFatal; }))
    return;  // with cameras or pictures that are none, there is nothing to hold them to
  if (scene.points.positions.empty()) {
    findings.push_back({Weight::kNote, "no first points: training begins from random ones"});
    return;
  }
  constexpr size_t kFew = 100;
  if (scene.points.positions.size() < kFew)
    findings.push_back({Weight::kWarning, fmt::format("only {} first points", scene.points.positions.size())});
  if (const auto inside = frames_inside_points(scene); !inside.empty())
    findings.push_back({Weight::kWarning, listed(scene, inside, "camera") +
                                              " inside the points: what stands before the lens hides the rest"});
  const auto away = frames_turned_away(scene);
  if (away.size() * 2 > scene.frames.size())
    findings.push_back({Weight::kWarning, fmt::format("{} of {} cameras see none of the points: are the poses those of "
                                                      "these points, and with the axes that their format has?",
                                                      away.size(), scene.frames.size())});
  else if (!away.empty())
    findings.push_back({Weight::kWarning, listed(scene, away, "camera") + " that see hardly any of the points"});
}

}  // namespace orrery::scene
