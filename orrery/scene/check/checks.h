// The checks, one function each, for check.cpp and their tests.
#pragma once

#include <vector>

#include "orrery/scene/check/check.h"
#include "orrery/scene/check/survey.h"

namespace orrery::scene {

/// A scene and what is known of it.
struct Examined {
  const RawScene& scene;
  const std::vector<PictureFacts>& facts;  ///< one per frame
};

using Findings = std::vector<Finding>;

void check_pictures(const Examined& examined, Findings& findings);    // missing, unreadable, few, empty
void check_sizes(const Examined& examined, Findings& findings);       // against their cameras
void check_intrinsics(const Examined& examined, Findings& findings);  // focal length, principal point, bends
void check_poses(const Examined& examined, Findings& findings);       // all in one place, times, names twice
void check_points(const Examined& examined, Findings& findings);      // none, cameras inside them or turned away
void check_unregistered(const Examined& examined, Findings& findings);
void check_duplicates(const Examined& examined, Findings& findings);
void check_exposure(const Examined& examined, Findings& findings);

/// Frames that stand inside the points, or that see hardly any of them; for the picture, too.
std::vector<size_t> frames_inside_points(const RawScene& scene);
std::vector<size_t> frames_turned_away(const RawScene& scene);

/// "3 pictures (a.jpg, b.jpg, c.jpg, …)"
std::string listed(const RawScene& scene, const std::vector<size_t>& frames, const std::string& what);

}  // namespace orrery::scene
