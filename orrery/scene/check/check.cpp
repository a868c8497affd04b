#include "orrery/scene/check/check.h"

#include <algorithm>
#include <set>

#include "orrery/base/file.h"
#include "orrery/scene/check/checks.h"
#include "orrery/scene/check/map.h"
#include "orrery/scene/check/survey.h"

namespace orrery::scene {
namespace {

/// Frames whose cameras the picture shows in red.
std::vector<size_t> flagged(const Examined& examined, bool cameras_are_good) {
  std::set<size_t> frames;
  for (size_t i = 0; i < examined.facts.size(); ++i)
    if (examined.facts[i].missing || !examined.facts[i].problem.empty()) frames.insert(i);
  if (cameras_are_good)
    for (const auto& more : {frames_inside_points(examined.scene), frames_turned_away(examined.scene)})
      frames.insert(more.begin(), more.end());
  return {frames.begin(), frames.end()};
}

}  // namespace

bool CheckReport::can_train() const {
  return std::ranges::none_of(findings, [](const Finding& finding) { return finding.weight == Weight::kFatal; });
}

CheckReport check_scene(const std::filesystem::path& folder, const CheckOptions& options) {
  RawScene scene = read_scene(folder, options.read);
  set_splits(scene, kTestEvery);
  const std::vector<PictureFacts> facts = survey(scene, options.progress);
  CheckReport report{.kind = scene.kind,
                     .frames = scene.frames.size(),
                     .cameras = scene.cameras.size(),
                     .points = scene.points.positions.size()};
  for (const RawFrame& frame : scene.frames) {
    report.train += frame.split == Split::kTrain;
    report.test += frame.split == Split::kTest;
    report.validation += frame.split == Split::kValidation;
  }
  const Examined examined{scene, facts};
  for (const auto check : {check_pictures, check_sizes, check_intrinsics, check_poses, check_points, check_unregistered,
                           check_duplicates, check_exposure})
    check(examined, report.findings);
  for (const std::string& note : scene.notes) report.findings.push_back({Weight::kNote, note});
  std::ranges::stable_sort(report.findings, {}, &Finding::weight);
  if (options.svg.empty()) return report;
  AtomicFile file(options.svg);
  file.write(map_from_above(scene, flagged(examined, report.can_train())));
  file.commit();
  return report;
}

}  // namespace orrery::scene
