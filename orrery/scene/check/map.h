// A scene from above, as a drawing.
#pragma once

#include <string>
#include <vector>

#include "orrery/scene/data/raw_scene.h"

namespace orrery::scene {

/// An SVG of 1000 × 1000: points in their colours, cameras as wedges that open where they look (training blue, testing
/// orange, validation violet, `flagged` frames red), each with its name as a tooltip. Up is the mean of the cameras'
/// up; the outermost 2 % of the points are cut off.
std::string map_from_above(const RawScene& scene, const std::vector<size_t>& flagged);

}  // namespace orrery::scene
